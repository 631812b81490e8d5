"""The grammar of Partner Center's links: data from outside, taken apart and checked.

It is that of the API articles *Get invoices* and *Get invoice line items*. Requests, blob names and
messages are made of the parsed parts only, never of the text that came in.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from shared.errors import InvalidInput
from shared.keys import LineItemsKey, invoice_id, quoted

LONGEST_LINK = 1_000
"""What messages and metadata have room for; a longer link says no more than its key."""

_PATH = re.compile(r"(?:/v1)?/invoices/([^/]+)/lineitems(?:/([^/]+)/([^/]+))?", re.I)
_LIST_PATH = re.compile(r"(?:/v1)?/invoices", re.I)
# What a path of Partner Center is made of: no scheme, host, `..`, `%` or control character.
_RELATIVE = re.compile(r"/?[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")

_PATH_SPELLING = {
    "office": "Office",
    "azure": "Azure",
    "one_time": "OneTime",
    "billing_line_items": "BillingLineItems",
    "usage_line_items": "UsageLineItems",
}


def key_of_link(link: str) -> LineItemsKey:
    """Take a link to lines apart, in its path form or its query form.

    `/invoices/{id}/lineitems/{provider}/{type}` or
    `/invoices/{id}/lineitems?provider={provider}&invoicelineitemtype={type}`, both with or without
    `/v1`; paging parameters are passed over. Raises InvalidInput for an absolute link and for
    anything else.
    """
    path, query = _relative(link)
    match = _PATH.fullmatch(path)
    if not match:
        raise InvalidInput(
            f"{quoted(link)} is not a line items link: expected "
            "/invoices/{invoice-id}/lineitems/{billing-provider}/{invoice-line-item-type}"
        )
    provider = match[2] or query.get("provider", "")
    item_type = match[3] or query.get("invoicelineitemtype", "")
    return LineItemsKey.of(match[1], provider, item_type)


def key_of(
    link: str | None, invoice: str | None, provider: str | None, item_type: str | None
) -> LineItemsKey:
    """Say which lines are meant by a link, or without one by the three names.

    Names that stand beside a link have to agree with it. Raises InvalidInput.
    """
    if link is None:
        return LineItemsKey.of(invoice or "", provider or "", item_type or "")
    by_link = key_of_link(link)
    named = LineItemsKey.of(
        invoice or by_link.invoice_id,
        provider or by_link.billing_provider,
        item_type or by_link.invoice_line_item_type,
    )
    if named != by_link:
        raise InvalidInput(
            f"The link {quoted(link)} leads to {by_link}, but stands beside {named}: expected the same"
        )
    return by_link


def link_of(key: LineItemsKey) -> str:
    """Give the link to these lines in its path form, as the details of an invoice spell it."""
    provider = _PATH_SPELLING[key.billing_provider]
    item_type = _PATH_SPELLING[key.invoice_line_item_type]
    return f"/invoices/{key.invoice_id}/lineitems/{provider}/{item_type}"


def check_next_line_items(link: str, key: LineItemsKey) -> None:
    """Refuse a next link that leads elsewhere than to more lines of the same invoice.

    The API is known to write malformed queries (a second `?`, a misspelt parameter, an empty
    offset), so only the path has to be right. Raises InvalidInput.
    """
    path, _ = _relative(link)
    match = _PATH.fullmatch(path)
    if not match or invoice_id(match[1]) != key.invoice_id:
        raise InvalidInput(f"{quoted(link)} is not a next link of {key}")


def next_list_parameters(link: str) -> dict[str, str]:
    """Give the paging parameters of the invoice list's next link, such as size and offset.

    Raises InvalidInput for a link that is not one of the list.
    """
    path, query = _relative(link)
    if not _LIST_PATH.fullmatch(path):
        raise InvalidInput(f"{quoted(link)} is not a next link of the invoice list")
    numbers = {name: query[name] for name in ("size", "offset") if query.get(name, "").isdecimal()}
    return numbers | ({"seekOperation": "Next"} if "seekoperation" in query else {})


def _relative(link: str) -> tuple[str, dict[str, str]]:
    """Split a relative link into path and query (lower-case names); refuse every other kind."""
    path, _, query = link.partition("?")
    if not _RELATIVE.fullmatch(path) or not link.isascii() or not link.isprintable():
        raise InvalidInput(
            f"{quoted(link)} is refused: expected a relative link of Partner Center, like "
            "/invoices/Recurring-D0500033K3/lineitems/Azure/UsageLineItems"
        )
    pairs = parse_qsl(query.replace("?", "&"), keep_blank_values=True)
    return f"/{path.removeprefix('/')}", {name.lower(): value for name, value in pairs}
