"""One export of Microsoft Graph: asked for, and looked at for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from local.doctor.export_shapes import look_findings, manifest_findings, post_findings
from local.doctor.report import Finding, detail, failed, well
from local.doctor.shapes import code
from local.doctor.subject import NotAsked, Subject, within
from shared.api.export import Export, FailedExport, Manifest, RunningExport
from shared.errors import ApiError
from shared.keys import LineItemsKey
from shared.models import Invoice

LOOK_SECONDS = 60.0
_ASK_SECONDS, _ONE_LOOK_SECONDS = 20, 20
_DELAY = 10.0  # between two looks, where nothing is said
_NO_DATA = (
    "Whoever runs this: code 5000 means that there is no data, or none yet. Lines may come days after "
    "the invoice: run `make doctor` again tomorrow, and where it stays so, report it to this project."
)
_FAILED = (
    "Whoever runs this: ask Microsoft's support about this code, or report it to this project."
)


def export(subject: Subject) -> Iterator[Finding]:
    """Tell how an export of the newest new-commerce invoice is made, and which files it has."""
    subject.uses_graph()
    subject.has_token(subject.settings.graph_scope)
    key = _newest_new_commerce(subject.listed())
    subject.answers.clear()
    operation = _tried(lambda: subject.graph.ask(key, context=within(_ASK_SECONDS)))
    yield from post_findings(subject)
    if isinstance(operation, ApiError):
        raise operation
    started = time.monotonic()
    subject.answers.clear()
    looks, found = _look(subject, operation)
    yield from look_findings(subject, looks, time.monotonic() - started)
    if isinstance(found, ApiError):
        yield from manifest_findings(subject)
        raise found
    yield from _outcome(subject, found, looks)


def _outcome(subject: Subject, found: Export, looks: int) -> Iterator[Finding]:
    match found:
        case FailedExport():
            advice = _NO_DATA if found.code == "5000" else _FAILED
            yield failed(f"the export has failed, code {code(found.code)}", advice)
        case Manifest():
            subject.manifest = found
            yield well(f"it is ready; files: {len(found.names)}")
            yield from manifest_findings(subject)
        case _:
            yield detail(f"still running after {looks} looks, which is no failure")


def _look(subject: Subject, operation: str) -> tuple[int, Export | ApiError]:
    """Look until it is ready or time is up; give how often, and what it has come to."""
    until = time.monotonic() + LOOK_SECONDS
    looks = 0
    while True:
        looks += 1
        found = _tried(lambda: subject.graph.look(operation, context=within(_ONE_LOOK_SECONDS)))
        if not isinstance(found, RunningExport):
            return looks, found
        delay = _DELAY if found.delay is None else max(found.delay, 0.5)
        if time.monotonic() + delay > until:
            return looks, found
        time.sleep(delay)


def _tried[T](work: Callable[[], T]) -> T | ApiError:
    """Give the error in place of raising it: what was seen until then is told first."""
    try:
        return work()
    except ApiError as error:
        return error


def _newest_new_commerce(invoices: list[Invoice]) -> LineItemsKey:
    of_new_commerce = [invoice for invoice in invoices if invoice.id.startswith("G")]
    # Whether an export has the lines of a voided invoice is not known.
    good = [i for i in of_new_commerce if (i.document_type or "invoice") == "invoice"]
    for invoice in good or of_new_commerce:
        return LineItemsKey(invoice.id, "one_time", "billing_line_items")
    raise NotAsked("no new-commerce invoice is listed")
