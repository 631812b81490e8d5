"""A script as most people write it: one session, page after page, json in and out, one upload."""

from __future__ import annotations

import json
from typing import Any

import requests
from azure.storage.blob import BlobServiceClient

from benchmarks.peers.job import Job, job, tell


def fetch(job: Job) -> None:
    """Collect all lines as JSON lines, then upload them."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {job.token}"
    lines: list[str] = []
    while True:
        params: dict[str, Any] = {"size": job.page_size, "offset": len(lines)}
        response = session.get(job.partner_center_url + job.path, params=params, timeout=60)
        response.raise_for_status()
        page = response.json()
        lines += [json.dumps(item) for item in page["items"]]
        if "next" not in page["links"]:
            break
    service = BlobServiceClient.from_connection_string(job.connection_string)
    blob = service.get_blob_client(job.container, job.blob)
    blob.upload_blob("\n".join(lines) + "\n", overwrite=True)


if __name__ == "__main__":
    tell(lambda: fetch(job()))
