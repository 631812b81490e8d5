"""An export on its way: an operation that is looked at until it has succeeded or failed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

from local.simulated.data_sets import DataSet
from local.simulated.publishing import Failure

_TYPE = "#microsoft.graph.partners.billing."


@dataclass
class OperationOptions:
    """Switches for operations."""

    looks_until_ready: int = 0  # looks in vain
    seconds_until_ready: float = 0
    retry_after: float | None = 10  # only while it isn't ready; None: absent
    retry_after_form: Literal["seconds", "date"] = "seconds"
    status_case: Callable[[str], str] = str  # str.lower, for one
    says_completed: bool = False  # in place of succeeded
    unknown_status: str | None = None  # in place of notStarted and running
    fails_with: str | None = None  # this code, whatever is asked for
    location: Literal["good", "missing", "foreign"] = "good"
    foreign_location: str = "https://127.0.0.2:1"  # the host that a foreign Location leads to
    content_type_on_202: bool = False
    operation_lifetime_seconds: float | None = None  # afterwards it and its manifest are gone
    same_operation: bool = False  # a repeated export is the operation of before, if it didn't fail
    fresh_sas_on_look: bool = False  # each look gives another signature
    permitted: bool = True  # the app has the permission


@dataclass
class Operation:
    """One export that was asked for, and what has come of it (None: not ready yet)."""

    invoice_id: str
    type: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    looks: int = 0
    outcome: DataSet | Failure | None = None
    sas: str = ""

    def look(self, options: OperationOptions) -> bool:
        """Count a look; tell whether it is ready."""
        self.looks += 1
        waited = self.looks > options.looks_until_ready
        return self.outcome is not None or (waited and self._age >= options.seconds_until_ready)

    def is_of(self, other: Operation) -> bool:
        """Tell whether it is for the same data as another one, and may still succeed."""
        same = (self.invoice_id, self.type) == (other.invoice_id, other.type)
        return same and not isinstance(self.outcome, Failure)

    def is_gone(self, options: OperationOptions) -> bool:
        """Tell whether its lifetime is over."""
        lifetime = options.operation_lifetime_seconds
        return lifetime is not None and self._age >= lifetime

    @property
    def _age(self) -> float:
        return (datetime.now(UTC) - self.created).total_seconds()

    def running(self, options: OperationOptions) -> dict[str, Any]:
        """Say that it isn't ready."""
        status = options.unknown_status or ("notStarted" if self.looks == 1 else "running")
        # Only this sample of the documentation has no Z.
        return self._state("runningOperation", status, options, zone="")

    def succeeded(self, options: OperationOptions) -> dict[str, Any]:
        """Say that it has succeeded, but not with what."""
        status = "completed" if options.says_completed else "succeeded"
        return self._state("exportSuccessOperation", status, options)

    def failed(self, failure: Failure, options: OperationOptions) -> dict[str, Any]:
        """Say that it has failed, and why."""
        error = {"message": failure.message, "code": failure.code}
        return self._state("failedOperation", "failed", options) | {"error": error}

    def _state(
        self, kind: str, status: str, options: OperationOptions, *, zone: str = "Z"
    ) -> dict[str, Any]:
        return {
            "@odata.type": f"{_TYPE}{kind}",
            "id": self.id,
            "createdDateTime": f"{self.created:%Y-%m-%dT%H:%M:%S}{zone}",
            "lastActionDateTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}7Z",
            "status": options.status_case(status),
        }


def retry_after(options: OperationOptions) -> dict[str, str]:
    """Make the header that says when to look again."""
    if options.retry_after is None:
        return {}
    if options.retry_after_form == "seconds":
        return {"Retry-After": f"{options.retry_after:.0f}"}
    until = datetime.now(UTC) + timedelta(seconds=options.retry_after)
    return {"Retry-After": format_datetime(until, usegmt=True)}
