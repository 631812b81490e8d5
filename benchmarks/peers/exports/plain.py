"""A script as most people write it: file after file, `json.loads` for each line, one upload."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal, getcontext
from typing import Any, cast

import requests
from azure.storage.blob import BlobServiceClient

from benchmarks.peers.exports.job import ExportJob, job
from benchmarks.peers.job import tell


def fetch(job: ExportJob) -> None:
    """Collect all lines and sum their charges, then upload them."""
    session = requests.Session()
    lines: list[bytes] = []
    total = Decimal(0)
    getcontext().prec = 60  # 28 digits, the default, are not enough for these sums
    for url in job.urls:
        response = session.get(url, stream=True, timeout=60)
        response.raise_for_status()
        with gzip.GzipFile(fileobj=cast(Any, response.raw)) as file:
            for line in file:
                total += Decimal(json.loads(line, parse_float=Decimal)["Total"])
                lines.append(line)
    service = BlobServiceClient.from_connection_string(job.connection_string)
    blob = service.get_blob_client(job.container, job.blob)
    about = {"lines": str(len(lines)), "total": f"{total:f}"}
    blob.upload_blob(b"".join(lines), overwrite=True, metadata=about)


if __name__ == "__main__":
    tell(lambda: fetch(job()))
