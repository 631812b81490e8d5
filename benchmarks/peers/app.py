"""This app: a message of the queue, run as the trigger runs it, in a process that is warm.

Warm: modules are imported and the token is there, as in a functions host between two messages. No
connection is open yet. The work is all that the trigger does: look what stands, fetch, commit, write
the manifest.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from benchmarks.peers.job import Job, job, tell
from fetch_line_items import act_on
from fetch_line_items.decode import decode_message
from fetch_line_items.fetch import fetch_lines
from shared.keys import LineItemsKey
from shared.memory import keep_freed_memory
from shared.messages import LineItemsMessage
from shared.services import Services
from shared.settings import get_settings
from shared.storage.accounts import invoices_container
from shared.storage.archive import Archive
from shared.storage.blocks import Part

_VERSION = "0123456789abcdef"


class GzipArchive(Archive):
    """An archive whose blobs are gzip files: each block is a member."""

    def stage_block(self, key: LineItemsKey, part: Part, number: int, lines: bytes) -> None:
        """Compress a block, then stage it."""
        super().stage_block(key, part, number, zlib.compress(lines, level=1, wbits=31))


def message_for(invoice_id: str, *, by_token: bool = False) -> LineItemsMessage:
    """The message that the timer sends for this link."""
    provider = "one_time" if by_token else "office"
    key = LineItemsKey.of(invoice_id, provider, "billing_line_items")
    return LineItemsMessage.of(key, link=None, currency="USD", version=_VERSION)


def prepared(job: Job) -> Callable[[], None]:
    """Do what the process has done before it gets a message; give what the trigger then does."""
    services = Services(get_settings())
    services.partner_center_tokens.get()
    if job.gzip_blocks:
        services.archive = GzipArchive(invoices_container(services.settings))
    keep_freed_memory()
    body = message_for(job.invoice_id, by_token=job.by_token).encode().encode()
    return lambda: act_on(fetch_lines(decode_message(body), services), services.queue)


if __name__ == "__main__":
    tell(prepared(job()))
