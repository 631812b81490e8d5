"""How Partner Center is asked for lines: the article *Get invoice line items*."""

from __future__ import annotations

from fetch_line_items.lines import LineReader, Lines
from fetch_line_items.paging import Position
from shared.errors import Fatal, InvalidInput
from shared.links import LineItems, check_next_line_items
from shared.partner_center import Operation, PartnerCenter


class LineItemsRequests:
    """Asks for pages of the lines `items`, by offset or by token as their provider wants it.

    URLs spell `one_time` and `billing_line_items` without the underscores: the responses' spelling
    is refused there.
    """

    def __init__(
        self,
        partner_center: PartnerCenter,
        items: LineItems,
        currency: str | None,
        operation: Operation,
    ) -> None:
        self._partner_center = partner_center
        self._items = items
        self._currency = currency
        self._operation = operation
        self._reader = LineReader(items.charge_field)

    def __call__(self, position: Position, size: int) -> Lines:
        """Ask for `size` lines; raises PartnerCenterError, Fatal for a hostile next link."""
        path, params, headers = self._request(position, size)
        return self._partner_center.get(
            path, self._read, operation=self._operation, params=params, headers=headers
        )

    def _request(
        self, position: Position, size: int
    ) -> tuple[str, dict[str, str | int], dict[str, str]]:
        items = self._items
        provider = items.billing_provider.replace("_", "")
        item_type = items.invoice_line_item_type.replace("_", "")
        path = f"/invoices/{items.invoice_id}/lineitems"
        if not items.by_token:
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
                check_next_line_items(lines.next_link, self._items)
        except InvalidInput as error:
            raise Fatal(f"The lines of {self._items} go on at a wrong place: {error}") from error
        return lines
