"""Timer triggers: NCRONTAB schedules in UTC, retry policies, no overlap."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from croniter import croniter  # type: ignore[import-untyped]

from local.functions_host.engine import Datum
from local.functions_host.errors import Refused

_FOREVER = -1


class Schedule:
    """An NCRONTAB expression: six fields, seconds first."""

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        if len(fields) != 6 or not croniter.is_valid(expression, second_at_beginning=True):
            raise Refused(f"{expression!r} is not an NCRONTAB schedule of six fields")
        self._expression = expression

    def after(self, moment: datetime) -> datetime:
        """Return the first occurrence after a moment."""
        found: datetime = croniter(self._expression, moment, second_at_beginning=True).get_next(
            datetime
        )
        return found


@dataclass(frozen=True)
class Retry:
    """When a failed run is tried again."""

    count: int
    shortest: timedelta
    longest: timedelta

    @classmethod
    def parse(cls, options: Any) -> Self | None:
        """Read the engine's retry options."""
        if options is None:
            return None
        if options.retry_strategy == "fixed_delay":
            return cls(options.max_retry_count, options.delay_interval, options.delay_interval)
        return cls(options.max_retry_count, options.minimum_interval, options.maximum_interval)

    def allows(self, attempt: int) -> bool:
        """Tell whether the attempt of this number (the first retry is 1) may be made."""
        return self.count == _FOREVER or attempt <= self.count

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait before the attempt; they double between the bounds."""
        # Beyond 2 ** 30 the longest interval has won for certain, and timedelta overflows.
        doubled = self.shortest.total_seconds() * 2.0 ** min(attempt - 1, 30)
        return min(doubled, self.longest.total_seconds())


def timer_datum(schedule: Schedule, last: datetime) -> Datum:
    """Return what a timer function is given."""
    status = {
        "Last": last.isoformat(),
        "Next": schedule.after(datetime.now(UTC)).isoformat(),
        "LastUpdated": last.isoformat(),
    }
    timer = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": False}
    return Datum(json.dumps(timer), "json")


class TimerListener:
    """Runs one function by its schedule."""

    def __init__(
        self,
        schedule: Schedule,
        retry: Retry | None,
        run: Callable[[Datum, int], Awaitable[bool]],
        at_start: bool = False,
    ) -> None:
        self._schedule = schedule
        self._retry = retry or Retry(0, timedelta(), timedelta())
        self._run = run
        self._at_start = at_start

    async def listen(self) -> None:
        """Run the function whenever it is due; an occurrence during a run is left out."""
        if self._at_start:
            await self._run_with_retries(datetime.now(UTC))
        while True:
            due = self._schedule.after(datetime.now(UTC))
            await _sleep_until(due)
            await self._run_with_retries(due)

    async def _run_with_retries(self, due: datetime) -> None:
        attempt = 0
        while not await self._run(timer_datum(self._schedule, due), attempt):
            attempt += 1
            if not self._retry.allows(attempt):
                return
            await asyncio.sleep(self._retry.delay(attempt))


async def _sleep_until(due: datetime) -> None:
    # In steps: the loop's clock stands still while a laptop sleeps, the calendar does not.
    while (left := (due - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(left, 30))
