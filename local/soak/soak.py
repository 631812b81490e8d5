"""A soak from its start to its verdict."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from local.soak.injector import Injector, Say
from local.soak.leaks import leaks
from local.soak.pieces import LINES, Pieces, Plan, list_invoices, running
from local.soak.problems import problems


@dataclass
class Verdict:
    """What was injected how often, and what was wrong at the end."""

    injected: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    page_requests: int = 0
    file_requests: int = 0


def soak(plan: Plan, folder: Path, say: Say = print) -> Verdict:
    """Run the app under faults as planned; the hosts' logs stay in `folder`."""
    say(f"Seed {plan.seed}; {plan.hosts} hosts, {plan.seconds:.0f} s of faults; logs in {folder}")
    with running(plan, folder) as pieces:
        injector = Injector(pieces, plan.seed, say)
        injector.run(plan.seconds)
        say("The faults have stopped")
        settled = _settle(pieces, plan.settle_seconds)
        found = [] if settled else [f"it is not done {plan.settle_seconds:.0f} s after that"]
        found += problems(pieces)
        injector.messages.look()
        injector.injected["file left inside"] += injector.messages.left_inside()
        found += leaks(pieces, injector.messages.texts)
        stack = pieces.stack
        pages = len(stack.partner_center.requests.matching(LINES))
        return Verdict(injector.injected, found, pages, len(stack.graph.files.requests))


def _settle(pieces: Pieces, seconds: float) -> bool:
    """Run list_invoices until nothing is due and the queue is empty; say whether that was in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if list_invoices(pieces.hosts[0]) == 0 and pieces.stack.waiting() == 0:
            return True
        while pieces.stack.waiting() and time.monotonic() < deadline:
            time.sleep(0.1)
    return False
