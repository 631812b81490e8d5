"""Memory stays flat, whatever the size of a link."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.simulated import large_world
from local.simulated.sources import source_of, stored_jsonl
from local.stack import running
from tests.e2e.conftest import wait_until

LINES = 170_000  # some 250 megabytes


def peak_megabytes(pid: int) -> float:
    """The most memory that a process has ever had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match
    return int(match[1]) / 1024


@pytest.mark.parametrize(
    ("number", "provider", "type", "source"),
    [
        (0, "azure", "usage_line_items", "v1"),
        (1, "one_time", "billing_line_items", "graph"),
    ],
    ids=["pages", "files of an export"],
)
def test_more_lines_than_memory_has_room_for_are_fetched_in_less_than_200_megabytes(
    number: int, provider: str, type: str, source: str
) -> None:
    """The peak of the whole functions host stays below; the blob is there whole and exact."""
    invoices = large_world(LINES)
    invoice = invoices[number]
    assert source_of(invoice, provider, type) == source
    name = f"{invoice.id}/{provider}/{type}.jsonl"
    link = f"/invoices/{invoice.id}/lineitems/{provider.replace('_', '')}/{type.replace('_', '')}"
    with running(invoices) as stack:
        stack.graph.options.files = 3
        stack.host.run("fetch_line_items", link)
        wait_until(lambda: name in stack.blobs(), "the blob", seconds=110)
        assert peak_megabytes(stack.host.pid) < 200
        blob = stack.container.get_blob_client(name)
        assert blob.get_blob_properties().metadata["lines"] == str(LINES)
        expected = stored_jsonl(invoice, provider, type)
        rest = b""
        for chunk in blob.download_blob().chunks():
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                assert line + b"\n" == next(expected)
        assert rest == b""
        assert next(expected, None) is None
