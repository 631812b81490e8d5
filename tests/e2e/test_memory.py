"""Memory stays flat, whatever the size of a link."""

from __future__ import annotations

import re
from pathlib import Path

from local.simulated import large_world
from local.simulated.lines import jsonl
from local.stack import running
from tests.e2e.conftest import wait_until

LINES = 1_000_000
NAME = "D0600000L1/azure/usage_line_items.jsonl"


def peak_megabytes(pid: int) -> float:
    """The most memory that a process has ever had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match
    return int(match[1]) / 1024


def test_a_million_lines_are_fetched_in_less_than_200_megabytes() -> None:
    """The peak of the whole functions host stays below; the blob is there whole and exact."""
    invoices = large_world(LINES)
    with running(invoices) as stack:
        stack.host.run("fetch_line_items", "/invoices/D0600000L1/lineitems/Azure/UsageLineItems")
        wait_until(lambda: NAME in stack.blobs(), "the blob", seconds=110)
        assert peak_megabytes(stack.host.pid) < 200
        blob = stack.container.get_blob_client(NAME)
        assert blob.get_blob_properties().metadata["lines"] == str(LINES)
        expected = jsonl(invoices[0], "azure", "usage_line_items")
        rest = b""
        for chunk in blob.download_blob().chunks():
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                assert line + b"\n" == next(expected)
        assert rest == b""
        assert next(expected, None) is None
