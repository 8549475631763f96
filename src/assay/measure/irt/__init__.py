"""Item response theory: what a right answer says of the model, and of the item.

``model`` holds the curves, ``fit`` finds items and abilities together, ``ability`` places models on known
items, ``bifactor`` adds a factor a benchmark, ``linking`` brings two calibrations to one scale, ``dif``
finds items that favour a family of models, ``quality`` says how well items and scale hold. Import them by
name: the package itself imports nothing.
"""
