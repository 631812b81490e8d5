"""dlt: its REST source with an offset paginator, its filesystem destination with JSON lines.

Runs in a virtual environment of its own. Compression is switched off: the others do not compress
either. Everything else is as dlt has it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
}

import dlt  # type: ignore[import-not-found,unused-ignore]
from dlt.destinations import (  # type: ignore[import-not-found,unused-ignore]
    filesystem,
)
from dlt.sources.rest_api import (  # type: ignore[import-not-found,unused-ignore]
    rest_api_source,
)

from benchmarks.peers.job import Job, job, tell


def fetch(job: Job, folder: Path) -> None:
    """Run a pipeline with one resource."""
    source = rest_api_source(
        {
            "client": {
                "base_url": job.partner_center_url,
                "auth": {"type": "bearer", "token": job.token},
                "paginator": {
                    "type": "offset",
                    "limit": job.page_size,
                    "limit_param": "size",
                    "offset_param": "offset",
                    "total_path": None,
                },
            },
            "resources": [
                {"name": "line_items", "endpoint": {"path": job.path, "data_selector": "items"}}
            ],
        }
    )
    destination = filesystem(
        bucket_url=f"az://{job.container}/",
        credentials=_credentials(job),
        kwargs={"connection_string": job.connection_string},
    )
    pipeline = dlt.pipeline(
        "bench", destination=destination, dataset_name="lines", pipelines_dir=str(folder)
    )
    pipeline.run(source, loader_file_format="jsonl").raise_on_failed_jobs()


def _credentials(job: Job) -> dict[str, str]:
    known = dict(part.split("=", 1) for part in job.connection_string.split(";") if part)
    return {
        "azure_storage_account_name": known["AccountName"],
        "azure_storage_account_key": known["AccountKey"],
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="dlt-") as folder:
        tell(lambda: fetch(job(), Path(folder)))
