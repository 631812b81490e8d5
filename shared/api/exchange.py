"""A request to an API, and what its answer means: by what to do next."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from shared.api.patience import Patience
from shared.errors import ApiError, Fatal, NotFound, Refused, Retriable, Throttled, may_pass

# A date that is off, or a clock, must not park a link for days.
_LONGEST_RETRY_AFTER = 6 * 3600.0


@dataclass(frozen=True)
class RequestContext:
    """What the requests of one piece of work share.

    Microsoft's support and the logs know it by its correlation id.
    """

    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    patience: Patience = field(default_factory=Patience)
    deadline: float = float("inf")
    """On `time.monotonic`'s clock: no attempt begins after it, and no answer is read to its end."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for answers any more: nothing is asked for again after that."""


@dataclass(frozen=True)
class Request:
    """What is asked for, below the API's root."""

    path: str
    method: str = "GET"
    params: Mapping[str, str | int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, str] | None = None
    expects: frozenset[int] = frozenset({200, 204})
    """The statuses of a good answer."""


@dataclass(frozen=True)
class Answer:
    """What came back, whole; the names of headers have no case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Observer = Callable[[Answer], None]
"""Is shown each answer as it came, also one that is refused or broken; of a file, without its body."""


def unobserved(_answer: Answer) -> None:
    """Look at nothing: what the app itself does."""


@dataclass(frozen=True)
class Dialect:
    """How one API says what all of them say.

    `headers` go with every request. `ids` makes those by which support finds one: of the context,
    and of a request id that stays the same over the retries of a request. `error` reads an error's
    body: its code and its text. `advice` is what to look at where the API refuses.
    """

    api: str
    headers: Mapping[str, str]
    ids: Callable[[RequestContext, str], dict[str, str]]
    error: Callable[[bytes], tuple[str | None, str | None]]
    advice: str


class Exchange:
    """A request and what becomes of it; its ids stay the same over the retries."""

    def __init__(
        self, request: Request, root: str, dialect: Dialect, context: RequestContext
    ) -> None:
        self.method, self.url, self.params = request.method, root + request.path, request.params
        self.json, self.expects = request.json, request.expects
        self.api, self.context, self._dialect = dialect.api, context, dialect
        self._ids = dialect.ids(context, str(uuid.uuid4()))
        self.headers = {**request.headers, **dialect.headers, **self._ids}

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.method} {self.url}{'?' if query else ''}{query}"

    def error[E: ApiError](
        self, kind: type[E], text: str, *, status: int | None = None, code: str | None = None
    ) -> E:
        """Make an error that carries this request's ids."""
        return kind(text, status=status, code=code, ids=self._ids)

    def refusal(self, answer: Answer) -> ApiError:
        """Say what any other status means, by what to do next."""
        status = answer.status
        if 300 <= status < 400:
            text = f"{self.api} redirected {self}; redirects are not followed"
            return self.error(Fatal, text, status=status)
        code, said = self._dialect.error(answer.body)
        text = f"{self.api} answered {status} to {self}: {(said or 'nothing more')[:500]}"
        if code:
            text += f" (code {code[:100]})"
        if may_pass(status):
            kind = Throttled if status == 429 else Retriable
            error = self.error(kind, text, status=status, code=code)
            error.delay = retry_after(answer.headers)
            return error
        if status in (401, 403):
            text = f"{text}; {self._dialect.advice}"
            return self.error(Refused, text, status=status, code=code)
        return self.error(NotFound if status == 404 else Fatal, text, status=status, code=code)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After, seconds or an HTTP date: seconds, six hours at most; None for neither."""
    header = headers.get("Retry-After")
    try:
        return min(Retry().parse_retry_after(header), _LONGEST_RETRY_AFTER) if header else None
    except (InvalidHeader, ValueError, OverflowError):
        return None
