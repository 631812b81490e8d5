"""This app: a message of the queue, run as the trigger runs it, in a process that is warm.

Warm: modules are imported and the token is there. The work is all that the trigger does: look what
stands, ask for the export, look, bring the files, commit, write the manifest. Where the time of an
invocation is over, the next one follows at once.
"""

from __future__ import annotations

from benchmarks.peers.app import message_for
from benchmarks.peers.exports.job import ExportJob, job
from benchmarks.peers.job import tell
from fetch_line_items import act_on
from fetch_line_items.decode import decode_message
from fetch_line_items.fetch import fetch_lines
from fetch_line_items.result import Later
from shared.services import Services
from shared.settings import get_settings


def fetch(job: ExportJob, services: Services) -> None:
    """Do what the trigger does."""
    body = message_for(job.invoice_id, by_token=True).encode().encode()
    result = fetch_lines(decode_message(body), services)
    while isinstance(result, Later):
        result = fetch_lines(decode_message(result.message.encode().encode()), services)
    act_on(result, services.queue)


def main() -> None:
    """Fetch, and tell what it cost."""
    services = Services(get_settings())
    services.graph_tokens.get()
    tell(lambda: fetch(job(), services))


if __name__ == "__main__":
    main()
