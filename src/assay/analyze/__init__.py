"""Model-on-model diagnosis: why a model scores as it does, each claim recomputed from stored cases.

Three layers that meet in plain data: cases (``cases``, ``behaviour``), findings about them (``discover``,
``agents``, judged by ``gate``), and the report (``assay.report.diagnosis``).
"""
