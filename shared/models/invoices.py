"""Invoices, as in the API articles *Get invoices* and *Invoice resources*."""

from __future__ import annotations

from pydantic import Field

from shared.models.resource import Amount, ApiDate, Resource, Text


class Header(Resource):
    """A header that a link wants to be sent along."""

    key: str | None = None
    value: str | None = None


class Link(Resource):
    """Where more is to be had: a relative URI without `/v1`, and the headers that belong to it."""

    uri: str | None = None
    method: str | None = None
    headers: list[Header] | None = None


class Links(Resource):
    """The links of a resource or a page."""

    self_: Link | None = Field(None, alias="self")
    next: Link | None = None
    previous: Link | None = None


class InvoiceDetail(Resource):
    """One kind of lines on an invoice, and the link to them; an amendment's details have no link.

    Providers are `office`, `azure` and `one_time`; types `billing_line_items` and
    `usage_line_items`.
    """

    invoice_line_item_type: str | None = None
    billing_provider: str | None = None
    links: Links | None = None

    @property
    def uri(self) -> str | None:
        """The link to the lines, where there is one."""
        return self.links.self_.uri if self.links and self.links.self_ else None


class Invoice(Resource):
    """An invoice, a void note or an adjustment note; amounts in `currency_code`.

    A voided invoice turns its `document_type` to `void_note` and nests what corrects it in
    `amendments`: invoices again, without links.
    """

    id: str
    invoice_date: ApiDate = None
    billing_period_start_date: ApiDate = None
    billing_period_end_date: ApiDate = None
    total_charges: Amount = None
    paid_amount: Amount = None
    currency_code: str | None = None
    currency_symbol: str | None = None
    pdf_download_link: str | None = None
    invoice_details: list[InvoiceDetail] | None = None
    amendments: list[Invoice] | None = None
    document_type: str | None = None
    amends_of: str | None = None
    invoice_type: str | None = None
    state: str | None = None
    links: Links | None = None


class InvoiceCollection(Resource):
    """A page of the invoice list; `total_count` may be the page's or the whole list's."""

    total_count: int | None = None
    items: list[Invoice] = Field(default_factory=list)
    links: Links | None = None
    continuation_token: str | None = None


class ErrorBody(Resource):
    """What an error says, in any of the shapes that the API and its gateways are known to use."""

    code: Text = None
    description: Text = None
    message: Text = None
    status_code: int | None = None
    source: Text = None
