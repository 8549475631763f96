"""Errors that a user can act on: one line that says what, where and what to do.

The command line prints the message of an ``AssayError`` and exits with its ``exit_code``; anything
else is a bug and shows as one.
"""

from __future__ import annotations

from assay.records import Outcome


class AssayError(Exception):
    """Base of all errors with a message meant for the user."""

    exit_code = 2


class UsageError(AssayError):
    """The command's words do not fit together."""


class TaskNotFound(AssayError):
    """No benchmark of that name."""


class DatasetNotFound(AssayError):
    """The benchmark's data is neither where it was said to be nor to be fetched."""


class DatasetMalformed(AssayError):
    """A file of a dataset cannot be read; the message names file and line."""


class ModelNotFound(AssayError):
    """No provider of that name, or the provider knows no such model."""


class MissingDependency(AssayError):
    """An optional package is needed; the message names the extra."""


class RunFolderError(AssayError):
    """A run folder cannot be used as asked."""


class RunFolderBusy(RunFolderError):
    """Another process is writing to this run folder."""


class StorageFailed(AssayError):
    """The disk is full, read-only or failing; everything before this is safe."""

    exit_code = 4


class RunIncomplete(AssayError):
    """Some samples have no answer yet; the same command asks for those only."""

    exit_code = 3


class CallFailed(Exception):
    """A model call brought no reply. Providers raise subclasses; the engine decides what follows."""

    retryable = False
    outcome = Outcome.MODEL_FAILED

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        """Seconds that the server asked to wait."""


class BadRequest(CallFailed):
    """The endpoint rejects this request for good (400, 413, 422)."""


class ContentRefused(CallFailed):
    """The provider's filter declined to answer."""

    outcome = Outcome.REFUSED


class EndpointUnusable(CallFailed):
    """Wrong key, unknown model or address (401, 403, 404): every other request would fail too."""

    outcome = Outcome.INFRA_FAILED


class RateLimited(CallFailed):
    """The endpoint asks to slow down (429, and 503 or 529 with Retry-After)."""

    retryable = True
    outcome = Outcome.INFRA_FAILED


class ServerFailed(CallFailed):
    """The endpoint failed (5xx) or sent something that is no answer (half a document, HTML)."""

    retryable = True
    outcome = Outcome.INFRA_FAILED


class ConnectionFailed(CallFailed):
    """Refused, reset, or dropped."""

    retryable = True
    outcome = Outcome.INFRA_FAILED


class TimedOut(CallFailed):
    """No complete reply within the time limit."""

    retryable = True
    outcome = Outcome.INFRA_FAILED


class NotSupported(CallFailed):
    """This provider cannot do what the task asks (such as log-likelihoods)."""
