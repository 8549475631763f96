"""The generators of the package ``reasoning-gym``, asked by our engine and scored by their own rules."""
