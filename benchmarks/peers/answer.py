"""What is read from storage to answer with, in a process of its own: by the app, by others, and the least there is."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable
from decimal import Decimal

import requests
from azure.storage.blob import ContainerClient

from benchmarks.peers.job import tell
from get_invoice.invoices import list_answer
from get_invoice.line_items import lines_answer
from shared.keys import LineItemsKey
from shared.services import Services
from shared.settings import get_settings
from shared.storage.names import ALL_BUT_MANIFESTS

_GZIP = {"accept-encoding": "gzip"}
_URL = "http://localhost/api/invoices"


def main() -> None:
    """Do the work that the arguments name, and check that it is whole."""
    work = json.loads(sys.argv[1])
    archive = Services(get_settings()).archive
    container = ContainerClient.from_container_url(work["container_url"])
    key = LineItemsKey(*work["key"])
    blob = f"{key}.jsonl"

    def listed_by_sdk() -> int:
        return sum(1 for _ in container.list_blobs(include=["metadata"]))

    def listed_raw() -> int:
        query, marker, found = (
            f"restype=container&comp=list&include=metadata&delimiter={ALL_BUT_MANIFESTS}",
            "",
            0,
        )
        while True:
            answer = requests.get(f"{work['container_url']}&{query}&marker={marker}", timeout=60)
            found += answer.content.count(b"<Blob>")
            marker = answer.content.partition(b"<NextMarker>")[2].partition(b"</")[0].decode()
            if not marker:
                return found

    def downloaded() -> int:
        return sum(piece.count(b"\n") for piece in container.download_blob(blob).chunks())

    def plain_script() -> int:
        lines = container.download_blob(blob).readall().decode().split("\n")[:-1]
        rows = [json.loads(line, parse_float=Decimal) for line in lines]
        with open(os.devnull, "w", newline="") as file:
            writer = csv.DictWriter(file, {name: None for row in rows for name in row})
            writer.writeheader()
            writer.writerows(rows)
        return len(rows)

    works: dict[str, Callable[[], int]] = {
        "list": lambda: len(list_answer(_URL, {"pageSize": "5000"}, {}, archive).body),
        "list, SDK": listed_by_sdk,
        "list, limit": listed_raw,
        "jsonl": lambda: len(lines_answer(key, {}, _GZIP, archive).body),
        "csv": lambda: len(lines_answer(key, {"format": "csv"}, _GZIP, archive).body),
        "csv, plain script": plain_script,
        "lines, limit": downloaded,
    }
    tell(lambda: {"found": works[work["name"]]()})


if __name__ == "__main__":
    main()
