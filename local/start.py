"""`make start`: everything keeps running, for exploring in a browser and with curl; Ctrl-C stops it."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

from local.simulated.invoices import current_world
from local.stack import CONTAINER, QUEUE, running

_PORT = 7071

_HELP = """
The invoices, which arrive now, in a browser:
  {url}/api/invoices?code={function}

The functions host listens at {url}; its log is {log}

Run the timer again:
  curl -X POST {url}/admin/functions/list_invoices -H 'x-functions-key: {master}' \\
       -H 'Content-Type: application/json' -d '{{}}'

One invoice, and the state of its lines:
  curl '{url}/api/invoices/G098765430?expand=lineItems' -H 'x-functions-key: {function}'

The list of what is stored, and lines of an invoice, as tables (without format as JSON):
  curl '{url}/api/invoices?format=csv' -H 'x-functions-key: {function}'
  curl '{url}/api/invoices/G098765430/lineItems/one_time/billing_line_items?format=csv' -H 'x-functions-key: {function}'

Fetch the lines of one link again:
  curl -X POST {url}/admin/functions/fetch_line_items -H 'x-functions-key: {master}' \\
       -H 'Content-Type: application/json' \\
       -d '{{"input": "/invoices/Recurring-D0560021K7/lineitems/Azure/UsageLineItems"}}'

The storage (container {container}, queue {queue}), for Azure Storage Explorer or a script:
  {storage}

Ctrl-C stops everything.
"""


def main() -> None:
    """Start everything and wait to be stopped."""
    log = Path(tempfile.mkdtemp(prefix="invoices-start-"), "functions-host.log")
    with running(current_world(), port=_PORT, log_file=log) as stack:
        text = _HELP.format(
            url=stack.host.url,
            log=log,
            master=stack.host.master_key,
            function=stack.host.function_key,
            container=CONTAINER,
            queue=QUEUE,
            storage=stack.azurite.connection_string,
        )
        stack.host.run("list_invoices")
        print(text, flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("Stopping …")


if __name__ == "__main__":
    main()
