"""Assay: evaluate language and multimodal models, with error bars.

Importing this package is cheap on purpose: it loads no table library, no numerics and no provider.
"""

__version__ = "0.1.0"
