"""What the host reads in `host.json`."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.functions_host.errors import Refused
from local.functions_host.settings import read_json

_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d\d?):(\d\d):(\d\d)(\.\d{1,7})?")


def seconds(time_span: str) -> float:
    """Return the seconds of a .NET TimeSpan such as `00:00:30`."""
    match = _TIME_SPAN.fullmatch(str(time_span))
    if not match:
        raise Refused(f"host.json: {time_span!r} is not a time span like 00:00:30")
    days, hours, minutes, secs, fraction = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + secs + fraction


@dataclass(frozen=True)
class QueueOptions:
    """`extensions.queues`, with the real host's defaults."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    retry_delay: float = 0  # named visibilityTimeout in host.json, yet it is not the lease
    max_polling_interval: float = 60
    base64: bool = True

    @classmethod
    def parse(cls, section: dict[str, Any]) -> Self:
        """Read the section, refusing what the real host refuses."""
        batch_size = int(section.get("batchSize", cls.batch_size))
        encoding = str(section.get("messageEncoding", "base64")).lower()
        if not 1 <= batch_size <= 32:
            raise Refused(f"host.json: batchSize must be 1 to 32, not {batch_size}")
        if encoding not in ("base64", "none"):
            raise Refused(f"host.json: messageEncoding must be base64 or none, not {encoding}")
        return cls(
            batch_size=batch_size,
            new_batch_threshold=int(section.get("newBatchThreshold", batch_size // 2)),
            max_dequeue_count=int(section.get("maxDequeueCount", cls.max_dequeue_count)),
            retry_delay=seconds(section.get("visibilityTimeout", "00:00:00")),
            max_polling_interval=seconds(section.get("maxPollingInterval", "00:01:00")),
            base64=encoding == "base64",
        )


@dataclass(frozen=True)
class HostConfig:
    """The parts of `host.json` that matter locally."""

    route_prefix: str
    queues: QueueOptions

    @classmethod
    def read(cls, app_root: Path) -> Self:
        """Read `host.json` at the app root."""
        path = app_root / "host.json"
        if not path.exists():
            raise Refused(f"there is no host.json in {app_root}")
        extensions = read_json(path).get("extensions", {})
        prefix = extensions.get("http", {}).get("routePrefix", "api")
        return cls(prefix.strip("/"), QueueOptions.parse(extensions.get("queues", {})))
