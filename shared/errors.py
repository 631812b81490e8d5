"""What can go wrong, by what to do next.

* InvalidInput              a message, link, id or setting that cannot be understood: say why
* ArchiveError
  x Overtaken               another run has committed the blob: done, or start over
  x LinesWouldVanish        an empty answer must not replace lines that are stored
* ApiError
  x Retriable               ask again: soon where you stand, later through the queue
    + Throttled             the same, and never the caller's fault
    + NoAnswer              timed out, or no connection
    + BrokenFile            a file of an export is not what it has to be: some times, then it is a failure
  x Fatal                   asking again will not help
    + Refused               the credentials, or what they may do
    + NotFound              the API does not know it
    + StalePosition         what an earlier message has reached is no longer taken: start over
    + FileRefused           the SAS of an export's file is not taken, or the file is not there: look again
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


def may_pass(status: int) -> bool:
    """Whether an answer with this status may well be another one later: of an API or of storage."""
    return status in (408, 425, 429) or status >= 500


class InvalidInput(ValueError):
    """Something from outside is not what it has to be; the text names it and what was expected."""


class ArchiveError(Exception):
    """The storage does not hold what it would have to hold for this step."""


class Overtaken(ArchiveError):
    """Another run has committed in the meantime: its lines stand, and staged blocks are gone."""


class LinesWouldVanish(ArchiveError):
    """The API gives no lines where the stored blob has some."""


class ApiError(Exception):
    """An API of Microsoft, or Entra ID before it, did not give what was asked for.

    `status` and `code` are those of the answer (None without one); `ids` are what Microsoft's
    support asks for, by the names of their headers.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        ids: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.ids = dict(ids or {})

    def __str__(self) -> str:
        known = ", ".join(f"{name} {value}" for name, value in self.ids.items())
        return f"{super().__str__()} ({known})" if known else super().__str__()


class Retriable(ApiError):
    """A failure that passes; `delay` is how many seconds the API asks to wait, if it does."""

    delay: float | None = None
    most_attempts: ClassVar[int] = 12
    """Messages in a row in which nothing comes: together about four hours before it is a failure."""


class Throttled(Retriable):
    """429: too many requests, of anyone's in this partner tenant."""


class NoAnswer(Retriable):
    """No connection, or no answer in time."""


class BrokenFile(Retriable):
    """A file of an export is cut off or corrupt, or one of its lines is no JSON object."""

    most_attempts = 3


class Fatal(ApiError):
    """The same request would fail again."""


class Refused(Fatal):
    """401 or 403, or Entra ID gives no token."""


class NotFound(Fatal):
    """404."""


class FileRefused(Fatal):
    """The host of an export's files does not take the SAS (any more), or has no such file."""


class StalePosition(Fatal):
    """A position that an earlier message has reached is no longer taken; nothing has come from it."""
