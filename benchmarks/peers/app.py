"""This app: a message of the queue, run as the trigger runs it, in a process that is warm.

Warm: modules are imported and the token is there, as in a functions host between two messages. No
connection is open yet. The work is all that the trigger does: look what stands, fetch, commit, write
the manifest.
"""

from __future__ import annotations

import zlib

from benchmarks.peers.job import Job, job, tell
from fetch_line_items.fetch import Fetch
from shared.archive import Archive
from shared.auth import Tokens
from shared.links import LineItems
from shared.messages import LineItemsMessage
from shared.orders import Orders
from shared.partner_center import PartnerCenter
from shared.settings import get_settings
from shared.storage import invoices_container, line_items_queue

_VERSION = "0123456789abcdef"


class GzipArchive(Archive):
    """An archive whose blobs are gzip files: each block is a member."""

    def stage_page(self, items: LineItems, part: str, page: int, lines: bytes) -> None:
        """Compress a page, then stage it."""
        super().stage_page(items, part, page, zlib.compress(lines, level=1, wbits=31))


def message_for(invoice_id: str, *, by_token: bool = False) -> LineItemsMessage:
    """The message that the timer sends for this link."""
    provider = "one_time" if by_token else "office"
    items = LineItems.of(invoice_id, provider, "billing_line_items")
    return LineItemsMessage.order(items, link=None, currency="USD", version=_VERSION)


def fetch(job: Job) -> Fetch:
    """Put together what the trigger puts together, with a token at hand."""
    settings = get_settings()
    tokens = Tokens(settings)
    tokens.get()
    return Fetch(
        LineItemsMessage.decode(
            message_for(job.invoice_id, by_token=job.by_token).encode().encode()
        ),
        partner_center=PartnerCenter(settings, tokens),
        archive=(GzipArchive if job.gzip_blocks else Archive)(invoices_container(settings)),
        orders=Orders(line_items_queue(settings)),
        settings=settings,
    )


if __name__ == "__main__":
    tell(fetch(job()).run)
