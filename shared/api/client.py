"""An API over HTTP: one connection pool, retries, a deadline, clear errors.

What all of Microsoft's APIs have in common; what one of them says in its own way is its `Dialect`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, ReadTimeoutError

from shared import telemetry
from shared.api.exchange import (
    Answer,
    Dialect,
    Exchange,
    Observer,
    Request,
    RequestContext,
    unobserved,
)
from shared.api.patience import retried
from shared.auth.tokens import Tokens
from shared.errors import Fatal, NoAnswer, Retriable

_CONNECTIONS = 64
_MOST_AT_ONCE = 1 << 18
_MOST_BYTES = 256 << 20
"""Of an answer, unpacked: a page of 2,000 lines has some megabytes, the memory of an instance not many more."""


class _Bearer(AuthBase):
    """Sets the token; being the request's own auth, it also keeps a .netrc from replacing it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Client:
    """Requests to the one host of `root`, with this API's tokens only. Thread-safe."""

    def __init__(
        self, root: str, tokens: Tokens, dialect: Dialect, observe: Observer = unobserved
    ) -> None:
        self._root = root
        self._tokens = tokens
        self._dialect = dialect
        self._observe = observe
        self._session = requests.Session()
        self._session.mount(root, HTTPAdapter(pool_connections=1, pool_maxsize=_CONNECTIONS))

    def send[T](
        self, request: Request, read: Callable[[Answer], T], *, context: RequestContext
    ) -> T:
        """Send `request` and give what `read` makes of an answer with a status that it expects.

        `read` raises ValueError for a body that is cut off or broken; that is retried like a
        failure on the way. Raises Retriable when the context's patience is over (Throttled and
        NoAnswer among them), Refused, NotFound or Fatal.
        """
        exchange = Exchange(request, self._root, self._dialect, context)
        return retried(lambda: self._read(exchange, read), context)

    def _read[T](self, exchange: Exchange, read: Callable[[Answer], T]) -> T:
        answer = self._authorized(exchange)
        self._observe(answer)
        if answer.status not in exchange.expects:
            raise exchange.refusal(answer)
        try:
            return read(answer)
        except ValueError as error:
            reason = str(error)
        # Not from that error: it may hold the whole answer, and secrets with it.
        text = f"{exchange.api}'s answer to {exchange} is broken or cut off: {reason}"
        raise exchange.error(Retriable, text, status=answer.status)

    def _authorized(self, exchange: Exchange) -> Answer:
        """Send with a token; one that is not taken (any more) is replaced once."""
        token = self._tokens.get()
        answer = self._send(exchange, token)
        if answer.status != 401:
            return answer
        return self._send(exchange, self._tokens.renew(token))

    def _send(self, exchange: Exchange, token: str) -> Answer:
        context = exchange.context
        patience = context.patience
        now = time.monotonic()
        until = min(now + patience.answer_timeout, context.deadline)
        if now >= until:
            raise exchange.error(NoAnswer, f"No time is left for {exchange}")
        try:
            with (
                telemetry.request(exchange.api, exchange.method, exchange.url) as answered,
                self._session.request(
                    exchange.method,
                    exchange.url,
                    params=exchange.params,
                    json=exchange.json,
                    headers=exchange.headers,
                    auth=_Bearer(token),
                    timeout=(
                        min(patience.connect_timeout, until - now),
                        min(patience.read_timeout, until - now),
                    ),
                    allow_redirects=False,  # a redirect could carry the token to another host
                    stream=True,
                ) as response,
            ):
                answered(response.status_code)
                return Answer(response.status_code, response.headers, _body(response, until))
        except (requests.Timeout, TimeoutError, ReadTimeoutError) as error:
            text = f"{exchange.api} did not answer {exchange} in time"
            raise exchange.error(NoAnswer, text) from error
        except _TooLarge as error:
            text = f"{exchange.api}'s answer to {exchange} is larger than {_MOST_BYTES >> 20} MiB"
            raise exchange.error(Fatal, text) from error
        except (requests.RequestException, HTTPError) as error:
            text = f"The connection to {exchange.api} broke at {exchange}: {error}"
            raise exchange.error(NoAnswer, text) from error
        except ValueError as error:
            # requests takes the Location of a redirect apart even where it does not follow it.
            text = f"{exchange.api} redirected {exchange} to nowhere; redirects are not followed"
            raise exchange.error(Fatal, text) from error


class _TooLarge(Exception):
    """An answer has more bytes than any that is meant."""


def _body(response: requests.Response, until: float) -> bytes:
    """Read what comes as it comes: a timeout of the socket does not bound an answer that trickles."""
    pieces, length = [], 0
    while piece := response.raw.read1(_MOST_AT_ONCE, decode_content=True):
        pieces.append(piece)
        length += len(piece)
        if length > _MOST_BYTES:
            raise _TooLarge
        if time.monotonic() >= until:
            raise TimeoutError
    return b"".join(pieces)
