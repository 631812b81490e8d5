"""Partner Center v1 as a source of lines: the article *Get invoice line items*."""

from __future__ import annotations

from collections.abc import Callable, Generator

from fetch_line_items.lines import LineReader, Lines
from fetch_line_items.paging import Pager
from fetch_line_items.source import Deliver, Step
from shared.api.exchange import RequestContext
from shared.api.partner_center import PartnerCenter
from shared.errors import Fatal, InvalidInput, StalePosition
from shared.keys import LineItemsKey
from shared.links import check_next_line_items
from shared.messages import V1Position
from shared.models import LINE_ITEM_TYPES
from shared.settings import Settings


class PartnerCenterPages:
    """The lines of one key, page by page: by token for `one_time`, else by offset.

    URLs spell `one_time` and `billing_line_items` without the underscores: the responses' spelling
    is refused there. Some lines of `one_time` want the invoice's currency.
    """

    name = "v1"

    def __init__(
        self,
        partner_center: PartnerCenter,
        key: LineItemsKey,
        currency: str | None,
        *,
        settings: Settings,
        context: RequestContext,
    ) -> None:
        self._partner_center = partner_center
        self._key = key
        self._currency = currency
        self._size, self._width = settings.page_size, settings.concurrency
        self._context = context
        self._by_token = key.billing_provider == "one_time"
        kind = LINE_ITEM_TYPES.get((self.name, key.billing_provider, key.invoice_line_item_type))
        self._reader = LineReader(kind)
        self._no_lines = self._reader.read(b'{"items":[]}')

    def steps(
        self, position: V1Position | None, deliver: Deliver, has_time: Callable[[], bool]
    ) -> Generator[Step]:
        """Give a step for each page; raises StalePosition for a token that is no longer taken."""
        start = position or V1Position()
        came = False
        try:
            with Pager(self._ask, deliver, width=self._width, has_time=has_time) as pager:
                pages = pager.by_token if self._by_token else pager.by_offset
                for step in pages(start, self._size):
                    came = True
                    yield step
        except Fatal as error:
            # How long a token lives is not documented, and a long throttling can outlast it.
            if came or start.token is None or error.status not in (400, 404, 410):
                raise
            raise StalePosition(str(error), status=error.status, code=error.code) from error
        finally:
            self._context.cancelled.set()

    def _ask(self, position: V1Position, size: int) -> Lines:
        """Ask for `size` lines; raises ApiError, Fatal for a hostile next link."""
        path, params, headers = self._request(position, size)
        return self._partner_center.get(
            path,
            self._read,
            context=self._context,
            params=params,
            headers=headers,
            # By token, only an answer that says so is the end.
            no_content=self._no_lines if position.token is None else None,
        )

    def _request(
        self, position: V1Position, size: int
    ) -> tuple[str, dict[str, str | int], dict[str, str]]:
        provider = self._key.billing_provider.replace("_", "")
        item_type = self._key.invoice_line_item_type.replace("_", "")
        path = f"/invoices/{self._key.invoice_id}/lineitems"
        if not self._by_token:
            return f"{path}/{provider}/{item_type}", {"size": size, "offset": position.lines}, {}
        # The path form gives no lines at all for new-commerce usage.
        params: dict[str, str | int] = {"provider": provider, "invoicelineitemtype": item_type}
        if self._currency:
            params["currencycode"] = self._currency.lower()
        params["size"] = size
        if position.token is None:
            return path, params, {}
        return path, params | {"seekOperation": "Next"}, {"MS-ContinuationToken": position.token}

    def _read(self, body: bytes) -> Lines:
        lines = self._reader.read(body)
        try:
            if lines.next_link:
                check_next_line_items(lines.next_link, self._key)
        except InvalidInput as error:
            raise Fatal(f"The lines of {self._key} go on at a wrong place: {error}") from error
        return lines
