"""Faults of every kind at random moments: nothing is lost, doubled or mixed up."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.soak import Plan, soak


@pytest.mark.parametrize(("seed", "hosts"), [(1, 1), (2, 2)])
def test_faults_of_every_kind_lose_nothing(seed: int, hosts: int, tmp_path: Path) -> None:
    """The blobs are what Partner Center has, the manifests right, the poison queue empty."""
    plan = Plan(seed, lines=8_000, seconds=20, hosts=hosts, settle_seconds=60)
    verdict = soak(plan, tmp_path)
    assert not verdict.problems, f"seed {seed}: {verdict.problems}"
    for process_fault in ("host killed", "Azurite restarted", "tokens expired", "invoice changed"):
        assert verdict.injected[process_fault]
