"""All checks, one after the other: one that fails, or takes too long, stops no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from queue import Empty, Queue

from local.doctor import failures, storage
from local.doctor.exports import export
from local.doctor.first_file import first_file
from local.doctor.invoices import invoice_list, legacy_lines
from local.doctor.report import Finding, Report, detail, failed, not_asked, well
from local.doctor.subject import NotAsked, Subject
from local.doctor.tokens import graph_token, partner_center_token
from shared.errors import InvalidInput
from shared.settings import Settings


@dataclass(frozen=True)
class Check:
    """A question to one service; `seconds` bound it, `advice` says what helps against an error."""

    name: str
    run: Callable[[Subject], Iterator[Finding]]
    advice: failures.Advice
    seconds: float = 60


CHECKS = (
    Check("Partner Center token", partner_center_token, failures.entra_id),
    Check("Graph token", graph_token, failures.entra_id),
    Check("invoice list", invoice_list, failures.partner_center, seconds=90),
    Check("v1 lines", legacy_lines, failures.partner_center),
    Check("Graph export", export, failures.graph, seconds=120),
    Check("export's file", first_file, failures.files),
    Check("container", storage.container, storage.container_advice),
    Check("queue", storage.queues, storage.queue_advice),
)


def examine(environment: Mapping[str, str], tell: Callable[[str], None] = print) -> int:
    """Ask everything with these settings; give 0 only if all that was asked is well."""
    report = Report(tell)
    try:
        settings = Settings.from_environment(environment)
    except InvalidInput as error:
        for problem in str(error).splitlines()[1:]:
            report.add("settings", failed(problem.strip(), _SETTINGS))
        settings = None
    if not environment.get("INVOICE_SCHEDULE"):
        report.add("settings", failed("INVOICE_SCHEDULE: required, but not set", _SETTINGS))
    if settings is None:
        report.add("all else", not_asked("without good settings nothing can be"))
        return report.close()
    for finding in _of_settings(settings):
        report.add("settings", finding)
    subject = Subject(settings)
    for check in CHECKS:
        for finding in _bounded(check, subject):
            report.add(check.name, finding)
    return report.close()


_SETTINGS = (
    "Whoever runs the app: set the app settings that are named under `settings`, see README.md."
)


def _of_settings(settings: Settings) -> Iterator[Finding]:
    proof = "its managed identity"
    if settings.client_secret:
        proof = "a client secret"
    elif settings.client_certificate or settings.client_certificate_path:
        proof = "a certificate"
    yield well("they are well-formed")
    yield detail(f"the app proves who it is by {proof}")
    yield detail(f"the lines of new commerce come from {settings.new_commerce_source}")
    names = ("partner_center_url", "authority", "graph_url")
    own = [
        Settings.model_fields[name].alias or name
        for name in names
        if getattr(settings, name) != Settings.model_fields[name].default
    ]
    yield detail(f"addresses other than the default: {', '.join(own) or 'none'}")


def _bounded(check: Check, subject: Subject) -> Iterator[Finding]:
    """Give a check's findings as they come, as long as it has time."""
    found: Queue[Finding | None] = Queue()

    def work() -> None:
        for finding in _safe(check, subject):
            found.put(finding)
        found.put(None)

    # Not every library keeps to a timeout; one that hangs must not keep the process either.
    threading.Thread(target=work, daemon=True).start()
    until = time.monotonic() + check.seconds
    while True:
        try:
            finding = found.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            yield failed(f"not done after {check.seconds:.0f} s", failures.LATER)
            return
        if finding is None:
            return
        yield finding


def _safe(check: Check, subject: Subject) -> Iterator[Finding]:
    try:
        yield from check.run(subject)
    except NotAsked as reason:
        yield not_asked(str(reason))
    except Exception as error:  # told by its type: its text may hold anything
        yield failures.finding_of(error, check.advice)
