"""Running programs that models wrote, where they can do no harm.

``probe.sandbox()`` gives the strongest sandbox that this host has; ``Sandbox.run`` takes a ``Program``
and returns a ``Run``. Nothing else in Assay executes model text.
"""
