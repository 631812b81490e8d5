"""What a peer is told, and what it tells: the job comes as an argument, the cost goes to stdout."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """Bring the lines of one link into a container of their own.

    `by_token` says how Partner Center pages them; `upload_url` is the container's with a signature,
    for who has no storage SDK. `gzip_blocks` is for the app alone: what its blocks would be like.
    """

    partner_center_url: str
    token: str
    invoice_id: str
    lines: int
    by_token: bool
    connections: int
    connection_string: str
    container: str
    upload_url: str
    page_size: int = 2000
    gzip_blocks: bool = False

    @property
    def path(self) -> str:
        """What to ask for, without size and position."""
        path = f"/v1/invoices/{self.invoice_id}/lineitems"
        if self.by_token:
            return f"{path}?provider=onetime&invoicelineitemtype=billinglineitems&currencycode=usd"
        return f"{path}/office/billinglineitems"

    @property
    def blob(self) -> str:
        """Where the lines go, if they go into one blob."""
        provider = "one_time" if self.by_token else "office"
        return f"{self.invoice_id}/{provider}/billing_line_items.jsonl"


@dataclass
class Cost:
    """What a piece of work took; CPU is user and system, of this process and its children."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    counts: dict[str, int] = field(default_factory=dict)


def job() -> Job:
    """Read the job from the command line."""
    return Job(**json.loads(sys.argv[1]))


def tell(work: Callable[[], dict[str, int] | None]) -> None:
    """Do the work and print its cost; imports and whatever else came before are not in it."""
    cpu, began = cpu_seconds(), time.perf_counter()
    counts = work()
    seconds = time.perf_counter() - began
    cost = Cost(seconds, cpu_seconds() - cpu, peak_mib(), counts or {})
    print(json.dumps(asdict(cost)), flush=True)


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak_mib() -> float:
    """The most memory that was resident at once since the program began.

    Linux has it in VmHWM; `ru_maxrss` begins there with what the parent had before exec.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return high_water_mib(status.read_text())
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20) if sys.platform == "darwin" else most / 1024


def high_water_mib(status: str) -> float:
    """Read VmHWM out of the text of a `/proc/<pid>/status`."""
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
