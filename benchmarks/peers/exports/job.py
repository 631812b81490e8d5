"""What a peer is told that brings the files of an export to storage."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class ExportJob:
    """Bring the rows of these files, in their order, into a container of their own.

    The app is told the invoice alone, and asks Graph for the files. `upload_url` is the container's,
    with a signature where there is one, for who has no storage SDK.
    """

    invoice_id: str
    urls: list[str]
    connections: int
    connection_string: str
    container: str
    upload_url: str

    @property
    def blob(self) -> str:
        """Where the rows go, if they go into one blob."""
        return f"{self.invoice_id}/one_time/billing_line_items.jsonl"


def job() -> ExportJob:
    """Read the job from the command line."""
    return ExportJob(**json.loads(sys.argv[1]))
