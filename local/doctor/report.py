"""What the doctor says: one line for each finding, and at the end what has to be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from local.doctor.shapes import without_guids

_WIDTH = 22  # of the longest check's name and two blanks


class Verdict(StrEnum):
    """What a finding means for the exit code: only `FAILED` counts."""

    WELL = "ok"
    FAILED = "FAILED"
    NOT_ASKED = "-"
    DETAIL = ""


@dataclass(frozen=True)
class Finding:
    """A line of the report; `advice` says who has to do what."""

    verdict: Verdict
    text: str
    advice: str | None = None


def well(text: str) -> Finding:
    """It is as it has to be."""
    return Finding(Verdict.WELL, text)


def detail(text: str) -> Finding:
    """More about it, neither good nor bad."""
    return Finding(Verdict.DETAIL, text)


def not_asked(reason: str) -> Finding:
    """There was nothing to ask, or no way to."""
    return Finding(Verdict.NOT_ASKED, f"not asked: {reason}")


def failed(text: str, advice: str) -> Finding:
    """It is not as it has to be."""
    return Finding(Verdict.FAILED, text, advice)


@dataclass
class Report:
    """Tells findings as they come, and counts what failed."""

    tell: Callable[[str], None]
    failures: int = 0
    advice: list[str] = field(default_factory=list)

    def add(self, check: str, finding: Finding) -> None:
        """Tell a finding of this check."""
        # No text is made of an id; this is for the one that nobody has thought of.
        text = without_guids(finding.text)
        self.tell(f"{check:{_WIDTH}}{finding.verdict:8}{text}".rstrip())
        self.failures += finding.verdict is Verdict.FAILED
        if finding.advice and finding.advice not in self.advice:
            self.advice.append(finding.advice)

    def close(self) -> int:
        """Tell what has to be done, and by whom; give the exit code."""
        self.tell("")
        if not self.failures:
            self.tell("All that was asked is well.")
            return 0
        self.tell("What has to be done:")
        for number, advice in enumerate(self.advice, 1):
            self.tell(f"  {number}. {without_guids(advice)}")
        return 1
