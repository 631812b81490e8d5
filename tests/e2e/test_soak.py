"""Faults of every kind at random moments: nothing is lost, doubled or mixed up."""

from __future__ import annotations

from pathlib import Path

import requests
from azure.storage.queue import QueueClient

from local.simulated import SimulatedPartnerCenter
from local.soak.leaks import MessageWatch, leaks
from local.soak.pieces import Pieces, Plan
from local.soak.problems import problems
from local.soak.soak import soak
from local.soak.world import world
from local.stack import POISON, running
from tests.e2e.conftest import wait_until
from tests.e2e.test_app import complete

# What surely happens: a message to deliver twice, or a request for a fault, may not be there.
EVENTS = (
    "host killed",
    "Azurite restarted",
    "tokens expired",
    "invoice changed while it is fetched",
    "answers of another form",
    "storm of throttling",
    "outage",
    "export changed while it is fetched",
    "exports of another form",
    "signatures expired",
)

_LEAKS = (
    "a signature is in a message",
    "a signature is in the metadata of invoices/a",
    "the files' host got a token with /file",
)


def test_faults_of_every_kind_lose_nothing(tmp_path: Path) -> None:
    """The blobs are what Microsoft has, the manifests right, the poison queue empty, no secret told."""
    plan = Plan(seed=2, lines=5_000, seconds=15, hosts=2, settle_seconds=60)
    verdict = soak(plan, tmp_path)
    assert not verdict.problems, f"seed {plan.seed}: {verdict.problems}"
    assert {name for name in EVENTS if not verdict.injected[name]} == set()


def test_a_soak_finds_what_is_wrong(tmp_path: Path) -> None:
    """A changed byte, a lost or an unknown blob, a wrong manifest, poison, a request elsewhere, a secret."""
    invoices = world(500)
    nobody_waits = {"SETTLE_DAYS": "0"}
    with (
        running(invoices, settings=nobody_waits) as stack,
        SimulatedPartnerCenter() as elsewhere,
    ):
        pieces = Pieces(stack, [stack.host], 2000, elsewhere, tmp_path)
        stack.host.run("list_invoices")
        wait_until(lambda: complete(stack, invoices), "every manifest complete")
        assert list(problems(pieces)) == []

        def changed(name: str, before: bytes, after: bytes) -> None:
            text = stack.container.download_blob(name).readall()
            assert before in text
            stack.container.upload_blob(name, text.replace(before, after, 1), overwrite=True)

        changed("D0700000S1/office/billing_line_items.jsonl", b"a", b"b")
        stack.container.delete_blob("D0700000S1/azure/usage_line_items.jsonl")
        stack.container.upload_blob("D0700000S1/azure/more.jsonl", b"")
        changed("D0700000S2/manifest.json", b'"complete":true', b'"complete":false')
        changed("G000070001/invoice.json", b"USD", b"EUR")
        stack.container.delete_blob("G000070002/manifest.json")
        poison = QueueClient.from_connection_string(stack.azurite.connection_string, POISON)
        poison.create_queue()
        poison.send_message("poison")
        requests.get(f"{elsewhere.url}/v1/invoices", timeout=10)
        found = list(problems(pieces))
        assert found[:5] == [
            "D0700000S1/azure/usage_line_items.jsonl is missing",
            "D0700000S1/azure/more.jsonl is too much",
            "D0700000S1/office/billing_line_items.jsonl is not what Microsoft has",
            "G000070001/invoice.json is not what Partner Center lists",
            found[4],
        ]
        assert found[4].startswith("the manifest of D0700000S2 is wrong")
        assert found[5:] == [
            "G000070002 has no manifest",
            "poison: poison",
            "another host was asked for /v1/invoices",
        ]

        (tmp_path / "messages").write_bytes(b'{"invoiceId":"G","url":"https://host/file?sig=1"}')
        stack.container.upload_blob("a", b"", metadata={"url": "https://host/file?sig%3D1"})
        requests.get(
            f"{stack.graph.files.url}/file", headers={"Authorization": "Bearer 1"}, timeout=10
        )
        watch = MessageWatch(tmp_path)
        assert list(leaks(pieces, watch.texts)) == ["no message was seen", *list(_LEAKS[1:])]
        watch.look()
        assert list(leaks(pieces, watch.texts)) == list(_LEAKS)
