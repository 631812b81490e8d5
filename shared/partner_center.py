"""Partner Center over HTTP: one connection pool, the documented headers, retries, clear errors.

Sources: the API articles *Partner Center REST headers*, *Error codes*, *API throttling guidance*.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, InvalidHeader, ReadTimeoutError
from urllib3.util import Retry

from shared.auth import Tokens
from shared.errors import (
    Fatal,
    NoAnswer,
    NotFound,
    PartnerCenterError,
    Refused,
    Retriable,
    Throttled,
)
from shared.models import ErrorBody
from shared.settings import Settings

_log = logging.getLogger(__name__)
_BOM = b"\xef\xbb\xbf"
# A date that is off, or a clock, must not park a link for days.
_LONGEST_RETRY_AFTER = 3600.0
_RETRIABLE_STATUS = frozenset({408, 425, 429, *range(500, 600)})
_CONNECTIONS = 64
_MOST_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Patience:
    """How long an operation may try: attempts for each request, seconds for the rest."""

    attempts: int = 4
    longest_wait: float = 5.0  # a longer one is for the queue, not for a billed invocation
    connect_timeout: float = 10.0
    read_timeout: float = 60.0  # without a byte
    answer_timeout: float = 120.0  # until the last byte


@dataclass(frozen=True)
class Operation:
    """One piece of work, known to Microsoft's support and to the logs by its correlation id."""

    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    patience: Patience = field(default_factory=Patience)
    deadline: float = float("inf")
    """On `time.monotonic`'s clock: no attempt begins after it, and no answer is read to its end."""
    over: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for answers any more: nothing is asked for again after that."""


class _Bearer(AuthBase):
    """Sets the token; being the request's own auth, it also keeps a .netrc from replacing it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class PartnerCenter:
    """Requests to the one configured host. Thread-safe; one for the process."""

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._root = f"{settings.partner_center_url}/v1"
        self._tokens = tokens
        self._session = requests.Session()
        self._session.mount(self._root, HTTPAdapter(pool_connections=1, pool_maxsize=_CONNECTIONS))

    def get[T](
        self,
        path: str,
        parse: Callable[[bytes], T],
        *,
        operation: Operation,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Get `path` (below `/v1`) and give what `parse` makes of the body, without a BOM.

        `parse` raises ValueError for a body that is cut off or broken; that is retried like a
        failure on the way. Raises Retriable when the operation's patience is over (Throttled and
        NoAnswer among them), Refused, NotFound or Fatal.
        """
        request = _Request(self._root + path, params or {}, dict(headers or {}), operation)
        patience = operation.patience
        for attempt in range(1, patience.attempts + 1):
            try:
                return self._parsed(request, parse)
            except Retriable as error:
                wait = _wait(error, attempt)
                last = attempt == patience.attempts or wait > patience.longest_wait
                if last or time.monotonic() + wait >= operation.deadline:
                    raise
                _log.warning("%s; attempt %d, again in %.1f s", error, attempt, wait)
                if operation.over.wait(wait):
                    raise
        raise AssertionError("patience has at least one attempt")

    def _parsed[T](self, request: _Request, parse: Callable[[bytes], T]) -> T:
        answer = self._authorized(request)
        if answer.status != 200:
            raise _error(answer, request)
        try:
            return parse(answer.body.removeprefix(_BOM))
        except ValueError as error:
            text = f"Partner Center's answer to {request} is broken or cut off: {error}"
            raise request.named(Retriable, text, status=200) from error

    def _authorized(self, request: _Request) -> _Answer:
        """Send with a token; one that is not taken (any more) is replaced once."""
        token = self._tokens.get()
        answer = self._send(request, token)
        if answer.status != 401:
            return answer
        return self._send(request, self._tokens.renew(token))

    def _send(self, request: _Request, token: str) -> _Answer:
        operation = request.operation
        patience = operation.patience
        now = time.monotonic()
        until = min(now + patience.answer_timeout, operation.deadline)
        if now >= until:
            raise request.named(NoAnswer, f"No time is left for {request}")
        try:
            with self._session.get(
                request.url,
                params=request.params,
                headers=request.headers,
                auth=_Bearer(token),
                timeout=(
                    min(patience.connect_timeout, until - now),
                    min(patience.read_timeout, until - now),
                ),
                allow_redirects=False,  # a redirect could carry the token to another host
                stream=True,
            ) as response:
                return _Answer(response.status_code, response.headers, _body(response, until))
        except (requests.Timeout, TimeoutError, ReadTimeoutError) as error:
            text = f"Partner Center did not answer {request} in time"
            raise request.named(NoAnswer, text) from error
        except (requests.RequestException, HTTPError) as error:
            text = f"The connection to Partner Center broke at {request}: {error}"
            raise request.named(NoAnswer, text) from error
        except ValueError as error:
            # requests takes the Location of a redirect apart even where it does not follow it.
            text = f"Partner Center redirected {request} to nowhere; redirects are not followed"
            raise request.named(Fatal, text) from error


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def _body(response: requests.Response, until: float) -> bytes:
    """Read what comes as it comes: a timeout of the socket does not bound an answer that trickles."""
    pieces = []
    while piece := response.raw.read1(_MOST_AT_ONCE, decode_content=True):
        pieces.append(piece)
        if time.monotonic() >= until:
            raise TimeoutError
    return b"".join(pieces)


class _Request:
    """A request that keeps its MS-RequestId over its retries, so that the API can tell."""

    def __init__(
        self,
        url: str,
        params: Mapping[str, str | int],
        headers: dict[str, str],
        operation: Operation,
    ) -> None:
        self.url = url
        self.params = params
        self.operation = operation
        self.request_id = str(uuid.uuid4())
        self.headers = headers | {
            "Accept": "application/json",
            "MS-Contract-Version": "v1",
            "MS-CorrelationId": operation.correlation_id,
            "MS-RequestId": self.request_id,
            "MS-PartnerCenter-Application": "partner-center-invoices",
            "X-Locale": "en-US",  # the lines' texts do not depend on the server's idea of a locale
        }

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.params.items())
        return f"GET {self.url}?{query}" if query else f"GET {self.url}"

    def named[E: PartnerCenterError](
        self, kind: type[E], text: str, *, status: int | None = None, code: str | None = None
    ) -> E:
        """Make an error that carries this request's ids."""
        return kind(
            text,
            status=status,
            code=code,
            correlation_id=self.operation.correlation_id,
            request_id=self.request_id,
        )


def _error(answer: _Answer, request: _Request) -> PartnerCenterError:
    """Say what an answer other than 200 means, by what to do next."""
    status = answer.status
    body = _error_body(answer)
    said = (body.description or body.message or "nothing more")[:500]
    code = f" (code {body.code})" if body.code else ""
    text = f"Partner Center answered {status} to {request}: {said}{code}"
    if status in _RETRIABLE_STATUS:
        kind = Throttled if status == 429 else Retriable
        error = request.named(kind, text, status=status, code=body.code)
        error.delay = _retry_after(answer.headers.get("Retry-After"))
        return error
    if 300 <= status < 400:
        text = f"Partner Center redirected {request}; redirects are not followed"
        return request.named(Fatal, text, status=status)
    if status in (401, 403):
        advice = "look at the app registration's permissions and its roles in Partner Center"
        return request.named(Refused, f"{text}; {advice}", status=status, code=body.code)
    return request.named(NotFound if status == 404 else Fatal, text, status=status, code=body.code)


def _error_body(answer: _Answer) -> ErrorBody:
    try:
        return ErrorBody.from_json(answer.body)
    except ValueError:
        return ErrorBody()  # a gateway's HTML, or nothing


def _retry_after(header: str | None) -> float | None:
    """Read seconds or an HTTP date; None for neither."""
    try:
        return min(Retry().parse_retry_after(header), _LONGEST_RETRY_AFTER) if header else None
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _wait(error: Retriable, attempt: int) -> float:
    """What Partner Center asks for, else 0.5, 1, 2 s; some more, so that not all come at once."""
    jitter = random.uniform(0, 0.25)  # noqa: S311 - spreads load, guards nothing
    return (0.5 * 2 ** (attempt - 1) if error.delay is None else error.delay) + jitter
