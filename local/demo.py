"""`make demo`: the main job on the real pieces, and the proof that every line has arrived."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests

from local.app_root import app_root
from local.simulated import Invoice
from local.simulated.invoices import PUBLISHED_LATE, current_world
from local.simulated.model import BILLING
from local.simulated.sources import stored_jsonl
from local.stack import Stack, running

_SECONDS = 120
_API_LATENCY_SECONDS = 0.1
_FIRST_WAIT = 3
"""Seconds until what is not published is asked for again, not minutes as in life."""
_DAY, _SETTLE_DAYS = 1, 2
"""Seconds until an invoice that does not add up is looked at again, and how often that is."""
_SHOWN = "G098765430"


def main() -> int:
    """Run the demo; give 0 only if storage holds every line of the simulated service exactly."""
    folder = Path(tempfile.mkdtemp(prefix="invoices-demo-"))
    log, app = folder / "functions-host.log", folder / "app"
    app_root(app, first_wait=_FIRST_WAIT, day=_DAY)
    print("Starting Azurite, the simulated Microsoft services, and the functions host …")
    settings = {"SETTLE_DAYS": str(_SETTLE_DAYS)}
    with running(current_world(), settings=settings, log_file=log, app_root=app) as stack:
        stack.partner_center.options.latency_seconds = _API_LATENCY_SECONDS
        stack.graph.options.latency_seconds = _API_LATENCY_SECONDS
        stack.graph.options.files = 3
        stack.graph.options.unpublished.add((PUBLISHED_LATE, BILLING))
        print(f"The functions host serves {', '.join(stack.host.functions)} at {stack.host.url}")
        print("The page of its invoices, in a browser, while this runs:")
        print(f"  {stack.host.url}/api/invoices?code={stack.host.function_key}", flush=True)
        invoices = list(_with_amendments(stack.partner_center.invoices.values()))
        stack.host.run("list_invoices")
        arrived = _watch(stack, invoices)
        problems = [] if arrived else [f"not everything arrived within {_SECONDS} s"]
        print(_table(stack, invoices))
        problems += list(_differences(stack, invoices))
        problems += list(_over_http(stack))
        _show_blob(stack)
        print(f"The host's log: {log}\n")
    return _verdict(problems, invoices)


def _watch(stack: Stack, invoices: list[Invoice]) -> bool:
    """Show progress until nothing is left to do; say whether that came in time."""
    details = sum(len(invoice.details or ()) for invoice in invoices)
    deadline = time.monotonic() + _SECONDS
    shown = ""
    while time.monotonic() < deadline:
        blobs = stack.blobs()
        listed = sum(name.endswith("/invoice.json") for name in blobs)
        fetched = sum(name.endswith(".jsonl") for name in blobs)
        settled = sum(_manifest(stack, i.id).get("state") == "settled" for i in invoices)
        waiting = stack.waiting()
        progress = (
            f"  invoices {listed}/{len(invoices)}   line items {fetched}/{details}   "
            f"settled {settled}/{len(invoices)}   messages in the queue {waiting}"
        )
        if progress != shown:
            print(progress, flush=True)
            shown = progress
        if (settled, fetched, waiting) == (len(invoices), details, 0):
            return True
        if stack.graph.options.unpublished and fetched == details - 1:
            print(f"  Microsoft publishes the lines of {PUBLISHED_LATE} only now")
            stack.graph.options.unpublished.clear()
        time.sleep(0.2)
    return False


def _table(stack: Stack, invoices: list[Invoice]) -> str:
    rows = [("invoice", "provider", "type", "source", "lines", "total", "state", "why")]
    for invoice in invoices:
        manifest = _manifest(stack, invoice.id)
        entries = manifest.get("lineItems") or [{}]
        for number, entry in enumerate(entries):
            total = entry.get("total")
            rows.append(
                (
                    invoice.id if number == 0 else "",
                    entry.get("billingProvider", "-"),
                    entry.get("invoiceLineItemType", "-"),
                    entry.get("source", "-"),
                    f"{entry.get('lines', 0):,}",
                    "-" if total is None else f"{total:,.2f} {entry.get('currency') or ''}",
                    manifest.get("state", "-") if number == 0 else "",
                    manifest.get("reason", "-") if number == 0 else "",
                )
            )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(["", lines[0], "  ".join("-" * width for width in widths), *lines[1:], ""])


def _differences(stack: Stack, invoices: list[Invoice]) -> Iterator[str]:
    """Compare every blob with what the simulated service holds, byte by byte."""
    for invoice in invoices:
        if _manifest(stack, invoice.id).get("state") != "settled":
            yield f"{invoice.id} has not settled"
        for detail in invoice.details or ():
            name = f"{invoice.id}/{detail.provider}/{detail.type}.jsonl"
            expected = b"".join(stored_jsonl(invoice, detail.provider, detail.type))
            if name not in stack.blobs() or _content(stack, name) != expected:
                yield f"{name} is not what Microsoft has"


def _over_http(stack: Stack) -> Iterator[str]:
    url = f"{stack.host.url}/api/invoices/{_SHOWN}?expand=lineItems"
    headers = {"x-functions-key": stack.host.function_key}
    response = requests.get(url, headers=headers, timeout=30)
    print(f"GET {url}\n  {response.status_code} {response.text[:400]} …\n")
    statuses = [item["status"] for item in response.json().get("lineItems", [])]
    if response.status_code != 200 or statuses != ["complete", "complete"]:
        yield f"{url} answered {response.status_code} {statuses}"


def _show_blob(stack: Stack) -> None:
    name = f"{_SHOWN}/one_time/billing_line_items.jsonl"
    first = _content(stack, name).split(b"\n")[0].decode()
    print(f"{stack.container.url}/{name}, its first line:\n  {first[:400]} …\n")


def _manifest(stack: Stack, invoice_id: str) -> dict[str, Any]:
    name = f"{invoice_id}/manifest.json"
    if name not in stack.blobs():
        return {}
    manifest: dict[str, Any] = json.loads(_content(stack, name), parse_float=Decimal)
    return manifest


def _content(stack: Stack, name: str) -> bytes:
    return stack.container.download_blob(name).readall()


def _with_amendments(invoices: Any) -> Iterator[Invoice]:
    for invoice in invoices:
        yield invoice
        yield from _with_amendments(invoice.amendments)


def _verdict(problems: list[str], invoices: list[Invoice]) -> int:
    if problems:
        print("FAILED:", *problems, sep="\n  ")
        return 1
    lines = sum(detail.line_count for invoice in invoices for detail in invoice.details or ())
    print(f"All {lines:,} lines of {len(invoices)} invoices are in storage, byte for byte.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
