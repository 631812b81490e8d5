"""Partner Center over HTTP, in its own dialect.

Sources: the API articles *Partner Center REST headers*, *Error codes*, *API throttling guidance*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.api.client import Client
from shared.api.exchange import Answer, Dialect, Observer, Request, RequestContext, unobserved
from shared.auth.tokens import Tokens
from shared.json_text import without_byte_order_mark
from shared.models import ErrorBody
from shared.settings import Settings


class PartnerCenter:
    """Requests to the one configured host. Thread-safe; one for the process."""

    def __init__(self, settings: Settings, tokens: Tokens, observe: Observer = unobserved) -> None:
        self._client = Client(f"{settings.partner_center_url}/v1", tokens, _DIALECT, observe)

    def get[T](
        self,
        path: str,
        parse: Callable[[bytes], T],
        *,
        context: RequestContext,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        no_content: T | None = None,
    ) -> T:
        """Get `path` (below `/v1`) and give what `parse` makes of the body, without a BOM.

        `no_content` is what an answer 204 comes to. Raises ApiError, as `Client.send` does; a ValueError
        of `parse` counts as a broken answer, and so does 204 where it comes to nothing.
        """

        def read(answer: Answer) -> T:
            if answer.status != 204:
                return parse(without_byte_order_mark(answer.body))
            if no_content is None:
                raise ValueError("204, no content")
            return no_content

        request = Request(path, params=params or {}, headers=headers or {})
        return self._client.send(request, read, context=context)


def _ids(context: RequestContext, request_id: str) -> dict[str, str]:
    return {"MS-CorrelationId": context.correlation_id, "MS-RequestId": request_id}


def _error(body: bytes) -> tuple[str | None, str | None]:
    try:
        error = ErrorBody.from_json(body)
    except ValueError:
        return None, None  # a gateway's HTML, or nothing
    return error.code, error.description or error.message


_DIALECT = Dialect(
    api="Partner Center",
    headers={
        "Accept": "application/json",
        "MS-Contract-Version": "v1",
        "MS-PartnerCenter-Application": "partner-center-invoices",
        "X-Locale": "en-US",  # the lines' texts do not depend on the server's idea of a locale
    },
    ids=_ids,
    error=_error,
    advice="look at the app registration's permissions and its roles in Partner Center",
)
