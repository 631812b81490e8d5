"""What the export has of an invoice: a data set of files, built ahead, which changes with its rows.

All of it follows from the rows: the same data set has the same id, eTag, folder and file names,
whoever asks and how often.
"""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from hashlib import sha256

from local.simulated.exports import export_count, has_azure_plan
from local.simulated.model import BILLING, USAGE, Invoice
from local.simulated.rows import PARTNER

# Usage's container was recorded; nobody has told the one of billing.
_CONTAINERS = {BILLING: "billedreconfastpath", USAGE: "billedusagefastpath"}
# Two primes: parts have numbers with gaps, and none twice. The second is below the first, so that
# the numbers are never in order. The larger ones are for more files than anybody has recorded.
_TASKS, _MANY_TASKS = (997, 389), (99_991, 61_813)


@dataclass(frozen=True)
class ExportFile:
    """A file of a data set, with the rows from `start` to before `stop`."""

    data_set: DataSet
    name: str
    start: int
    stop: int

    @property
    def path(self) -> str:
        """Where the files' host has it."""
        return f"{self.data_set.folder}/{self.name}"


@dataclass(frozen=True)
class DataSet:
    """The rows of one type on an invoice, in one version, cut into so many files."""

    invoice: Invoice
    type: str
    file_count: int = 1

    @cached_property
    def digest(self) -> bytes:
        """What is equal for equal rows and files only."""
        invoice = self.invoice
        content = (
            *(invoice.id, self.type, invoice.revision, export_count(invoice, self.type)),
            *(invoice.invoice_date.isoformat(), invoice.currency, invoice.large_tags),
            *(has_azure_plan(invoice), self.file_count),
        )
        return sha256(repr(content).encode()).digest()

    @property
    def id(self) -> str:
        """The id of its manifest."""
        return str(uuid.UUID(bytes=self.digest[:16], version=4))

    @property
    def etag(self) -> str:
        """Its eTag, of the recorded form: 17 letters and digits."""
        return base64.b64encode(self.digest, altchars=b"xX").decode()[:17]

    @property
    def built(self) -> datetime:
        """When its rows were ready; later for each revision."""
        invoice = self.invoice
        early = datetime.combine(invoice.invoice_date, time(7, 13), UTC)
        return early + timedelta(days=invoice.revision, seconds=self._number % 36_000)

    @property
    def folder(self) -> str:
        """The path of its root directory."""
        parts = {
            "PartnerTenantId": PARTNER,
            "BillingMonth": f"{self.invoice.billing_period:%Y%m}",
            "InvoiceId": self.invoice.id,
            "InvoiceVersion": f"{self.built:%Y%m%d%H%M}",
            "Fragment": "full",
            "PartitionType": "default",
        }
        path = "/".join(f"{name}={value}" for name, value in parts.items())
        return f"/{_CONTAINERS[self.type]}/v1/{path}"

    @property
    def files(self) -> list[ExportFile]:
        """Its files, in the order of its rows, each with as many as the others or one more."""
        count, files = export_count(self.invoice, self.type), self.file_count
        return [
            ExportFile(self, self._name(n), count * n // files, count * (n + 1) // files)
            for n in range(files)
        ]

    @property
    def _number(self) -> int:
        return int.from_bytes(self.digest[16:20])

    def _name(self, index: int) -> str:
        tasks, step = _TASKS if self.file_count <= _TASKS[0] else _MANY_TASKS
        first = tasks - 1 - self._number % step
        task = (first + index * step) % tasks
        job = uuid.UUID(bytes=self.digest[16:], version=4)
        return f"part-{task:05d}-{job}.c000.json.gz"
