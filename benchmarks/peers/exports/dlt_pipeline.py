"""dlt: a resource that reads the files, its filesystem destination with JSON lines.

Runs in a virtual environment of its own. Compression is switched off: the others do not compress
either. Everything else is as dlt has it.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from itertools import batched
from pathlib import Path
from typing import Any

os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
}

import dlt  # type: ignore[import-not-found,unused-ignore]
from dlt.destinations import (  # type: ignore[import-not-found,unused-ignore]
    filesystem,
)
from dlt.sources.helpers import (  # type: ignore[import-not-found,unused-ignore]
    requests,
)

from benchmarks.peers.exports.job import ExportJob, job
from benchmarks.peers.job import tell

_AT_ONCE = 2_000


def rows(urls: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Read the files, so many rows at once: one by one dlt is slower."""
    for url in urls:
        with gzip.GzipFile(fileobj=requests.get(url, stream=True).raw) as file:
            for lines in batched(file, _AT_ONCE, strict=False):
                yield [json.loads(line) for line in lines]


def fetch(job: ExportJob, folder: Path) -> None:
    """Run a pipeline with one resource."""
    destination = filesystem(
        bucket_url=f"az://{job.container}/",
        credentials={
            "azure_storage_account_name": "sink",
            "azure_storage_account_key": "c2luaw==",
        },
        kwargs={"connection_string": job.connection_string},
    )
    pipeline = dlt.pipeline(
        "bench", destination=destination, dataset_name="lines", pipelines_dir=str(folder)
    )
    resource = dlt.resource(rows(job.urls), name="line_items")
    pipeline.run(resource, loader_file_format="jsonl").raise_on_failed_jobs()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="dlt-") as folder:
        tell(lambda: fetch(job(), Path(folder)))
