"""Models behind providers: who is asked, over which wire, with three methods each.

A provider is a module with ``create(name, options) -> Model`` and ``OPTIONS``; ``registry`` finds it
by the first part of a model's name and imports it only then, so that a run pays for one provider. A
provider makes one attempt and says what happened: a ``Response``, or a ``CallFailed`` subclass whose
class alone tells the engine whether asking again makes sense. Waiting, retrying and keeping are the
engine's. Keys come from environment variables and go nowhere but into a request header.
"""
