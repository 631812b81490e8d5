"""One job with one fault, and what is wrong at its end."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient

from local.faults.job import TIMER, Job
from local.faults.pieces import Ground, Pieces, ground
from local.faults.wire import KINDS, PLACES, SIGN_IN, Fault, Place, Request
from local.faults.world import EXPORTED
from local.simulated.exports import export_jsonl
from local.simulated.model import USAGE
from local.soak.problems import wrong_in_storage
from shared.messages import LineItemsMessage
from shared.storage.blobs import ManifestMetadata

_log = logging.getLogger(__name__)
_MOST_TRIES, _MOST_TRIES_OF_USUAL = 3, 12
"""Of a fault whose request was not made: threads take turns as they like."""
_MOST_BY_CHANCE = 10
"""At each place: whoever finds no container or queue makes one, and pages are asked for behind the end."""

Requests = Counter[Place]


@dataclass(frozen=True)
class Usual:
    """What some faultless jobs have asked for, each in its order."""

    jobs: list[list[Request]]

    @cached_property
    def requests(self) -> Requests:
        """Count those of a job."""
        return _most(map(_by_place, self.jobs))

    @property
    def faults(self) -> list[Fault]:
        """Every fault that there is: each of each request that was made in any of the jobs."""
        requests = sorted({request for job in self.jobs for request in job})
        return [Fault(request, kind) for request in requests for kind in KINDS]

    def is_in_all(self, request: Request) -> bool:
        """Whether a request was made in each of the jobs."""
        return all(request in job for job in self.jobs)

    def most(self, fault: Fault) -> Requests:
        """Say how many requests a job may take with this fault: the work that it befalls is done again.

        If that is the timer's, all of its messages may come twice. Another process signs in anew, and
        some requests are up to threads.
        """
        usual, work = self.requests, fault.request.work
        by_chance = Requests(dict.fromkeys(PLACES, _MOST_BY_CHANCE))
        if work in (TIMER, SIGN_IN):
            return usual + usual + by_chance
        again = _most(_by_place(r for r in job if r.work == work) for job in self.jobs)
        return usual + (again | Requests({"Entra ID": usual["Entra ID"]})) + by_chance


@dataclass(frozen=True)
class Verdict:
    """What came of a job, and of its fault: whether the request that was to meet it was made.

    `is_healed`: another run of the timer had something to do, and then all was right.
    """

    fault: Fault | None
    requests: Requests
    problems: list[str]
    is_reached: bool
    is_healed: bool


def usual(pieces: Pieces, *, jobs: int = 3) -> Usual:
    """Run so many faultless jobs; raises RuntimeError where one of them ends badly."""
    return Usual([_faultless(pieces) for _ in range(jobs)])


def tried(pieces: Pieces, fault: Fault, usual: Usual) -> Verdict:
    """Run a job with a fault, again where its request was not made; say what came of it."""
    is_usual = usual.is_in_all(fault.request)
    for _ in range(_MOST_TRIES_OF_USUAL if is_usual else _MOST_TRIES):
        with ground(pieces) as base:
            verdict = _verdict(base, Job(base, fault), fault)
        verdict.problems.extend(_too_many(verdict.requests, usual.most(fault)))
        if verdict.is_reached or verdict.problems:
            return verdict
    if is_usual:
        verdict.problems.append("the request was not made")
    return verdict


def _faultless(pieces: Pieces) -> list[Request]:
    with ground(pieces) as base:
        verdict = _verdict(base, job := Job(base), None)
    if verdict.problems or verdict.is_healed:
        problems = verdict.problems or ["another run of the timer has something to do"]
        raise RuntimeError(f"without any fault: {'; '.join(problems)}")
    return job.asked


def _verdict(ground: Ground, job: Job, fault: Fault | None) -> Verdict:
    _log.info("--- %s", fault or "no fault")
    problems, is_healed = [], False
    try:
        job.run()
        is_healed = job.heals()
    except RuntimeError as error:
        problems.append(str(error))
    problems += job.failures
    listed = ground.partner_center.invoices.values()
    problems += wrong_in_storage(ground.container, listed)
    problems += _wrong_earlier(ground.container)
    problems += _lost_looks(ground.container, job.deliveries.looks)
    problems += [f"poison: {text}" for text in job.deliveries.poison()]
    return Verdict(fault, _by_place(job.asked), problems, job.wire.fault_is_met, is_healed)


def _wrong_earlier(container: ContainerClient) -> Iterator[str]:
    """Say where the manifest does not name, once each, what was replaced, or where that is lost."""
    manifest = _json(container, f"{EXPORTED.id}/manifest.json")
    for entry in manifest.get("lineItems", ()):
        usage = entry["invoiceLineItemType"] == USAGE
        earlier = [each["snapshot"] for each in entry.get("earlier", ())]
        if len(earlier) != int(usage):
            yield f"{entry['blob']} has {len(earlier)} earlier versions, expected {int(usage)}"
        for snapshot in earlier:
            blob = container.get_blob_client(entry["blob"], snapshot=snapshot)
            if blob.download_blob().readall() != b"".join(export_jsonl(EXPORTED, USAGE)):
                yield f"the earlier version of {entry['blob']} is not what was stored"


def _json(container: ContainerClient, name: str) -> dict[str, Any]:
    with suppress(ResourceNotFoundError):
        found: dict[str, Any] = json.loads(container.download_blob(name).readall())
        return found
    return {}


def _lost_looks(container: ContainerClient, waiting: Iterable[LineItemsMessage]) -> Iterator[str]:
    """Say of which manifests nothing in the queue waits for the look that they announce."""
    ordered = {(message.invoice_id, message.look and message.look.due) for message in waiting}
    with suppress(ResourceNotFoundError):
        for blob in container.list_blobs(include=["metadata"]):
            invoice_id, _, name = blob.name.partition("/")
            due = ManifestMetadata.of(blob.metadata).next_check_at
            if name == "manifest.json" and due and (invoice_id, due) not in ordered:
                yield f"the look at {invoice_id} that is due on {due} is lost"


def _by_place(sent: Iterable[Request]) -> Requests:
    return Counter(request.place for request in sent)


def _most(counts: Iterable[Requests]) -> Requests:
    return reduce(or_, counts, Requests())


def _too_many(requests: Requests, most: Requests) -> Iterator[str]:
    for place, count in requests.items():
        if count > most[place]:
            yield f"{count} requests to {place}, expected {most[place]} at the most"
