"""What can go wrong, by what to do next.

* InvalidInput              a message, link, id or setting that cannot be understood: say why
* ArchiveError
  x Overtaken               another run has committed the blob: done, or start over
  x LinesWouldVanish        an empty answer must not replace lines that are stored
* PartnerCenterError
  x Retriable               ask again: soon where you stand, later through the queue
    + Throttled             the same, and never the caller's fault
    + NoAnswer              timed out, or no connection
  x Fatal                   asking again will not help
    + Refused               the credentials, or what they may do
    + NotFound              Partner Center does not know it
"""

from __future__ import annotations


class InvalidInput(ValueError):
    """Something from outside is not what it has to be; the text names it and what was expected."""


class ArchiveError(Exception):
    """The storage does not hold what it would have to hold for this step."""


class Overtaken(ArchiveError):
    """Another run has committed in the meantime: its lines stand, and staged blocks are gone."""


class LinesWouldVanish(ArchiveError):
    """Partner Center gives no lines where the stored blob has some."""


class PartnerCenterError(Exception):
    """Partner Center, or Entra ID before it, did not give what was asked for.

    `status` and `code` are those of the answer (None without one); `correlation_id` and
    `request_id` are what Microsoft's support asks for.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        correlation_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.correlation_id = correlation_id
        self.request_id = request_id

    def __str__(self) -> str:
        ids = {"MS-CorrelationId": self.correlation_id, "MS-RequestId": self.request_id}
        known = ", ".join(f"{name} {value}" for name, value in ids.items() if value)
        return f"{super().__str__()} ({known})" if known else super().__str__()


class Retriable(PartnerCenterError):
    """A failure that passes; `delay` is how many seconds Partner Center asks to wait, if it does."""

    delay: float | None = None


class Throttled(Retriable):
    """429: too many requests, of anyone's in this partner tenant."""


class NoAnswer(Retriable):
    """No connection, or no answer in time."""


class Fatal(PartnerCenterError):
    """The same request would fail again."""


class Refused(Fatal):
    """401 or 403, or Entra ID gives no token."""


class NotFound(Fatal):
    """404."""
