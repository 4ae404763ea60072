"""Every error says who must act: a person, the operator, or nobody yet (it is tried again).

Exit codes of the command line follow from the class: `InputError` and `Refused` 2, `ServiceError` 3, `ConfigError` 4;
anything else is a bug of ours and ends with 1.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why bytes gave no pages, or a part of them could not be used. The one closed list of reason codes."""

    EMPTY = "empty"  # zero bytes
    UNKNOWN_TYPE = "unknown_type"  # no format we read
    WRONG_TYPE = "wrong_type"  # the name says one format, the bytes another we do not read
    ENCRYPTED = "encrypted"  # a password or key is needed
    DAMAGED = "damaged"  # not repairable by any rung of the ladder
    BLANK_AND_DAMAGED = "blank_and_damaged"  # opens, but renders nothing: the content is lost (safety.md 0.5)
    NO_PAGES = "no_pages"  # a valid container without a page
    TOO_LARGE = "too_large"  # more bytes, pixels, pages, parts or depth than the limits allow
    ACTIVE = "active"  # macros, executables, external relationships
    UNREADABLE = "unreadable"  # we may not read the file (permissions)
    UNSETTLED = "unsettled"  # a file that never stops growing
    UNMATCHED = "unmatched"  # a rescan of which nobody knows which page it is for
    INCOMPLETE = "incomplete"  # what belongs to it never came (the data beside a PDF)
    CRASHED = "crashed"  # the box died three times on it
    REFUSED = "refused"  # what was decided cannot be done (the Akte was closed meanwhile)
    TIMEOUT = "timeout"  # the box ran out of time or memory three times


class PoststelleError(Exception):
    """Base of all errors of ours; `str(error)` is a German sentence that says what to do next."""

    exit_code = 1


class InputError(PoststelleError):
    """A person must act: the input itself is the trouble, trying again would not help."""

    exit_code = 2

    def __init__(self, sentence: str, *, reason: Reason, detail: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason
        self.detail = detail


class Refused(PoststelleError):
    """A person asked for something that cannot be done as it stands (a value is missing, the state is another)."""

    exit_code = 2


class ServiceError(PoststelleError):
    """Nobody must act yet: something we lean on did not answer; the engine tries again with back-off."""

    exit_code = 3


class Awaiting(ServiceError):
    """Handed to another system, which has not answered yet; looked at again later. `since`: when it was made."""

    def __init__(self, sentence: str, *, since: datetime) -> None:
        super().__init__(sentence)
        self.since = since


class BoxDied(ServiceError):
    """The sandboxed child died (signal, limit or time). Counted as guilt of the original, three times at most."""

    def __init__(self, sentence: str, *, reason: Reason, detail: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason
        self.detail = detail


class ConfigError(PoststelleError):
    """The operator must act: configuration, installation or permissions are wrong; the sentence names the line that mends it."""

    exit_code = 4


class Stale(PoststelleError):
    """Somebody else moved the row first (compare-and-set failed); the whole transaction is rolled back."""

    exit_code = 3
