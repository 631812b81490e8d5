"""Runs the simulated services as a process of their own.

Prints one line of JSON that tells where they listen and how to get a token, and serves until
SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import json
import signal

from local.simulated.entra_id import SimulatedEntraId, SimulatedManagedIdentity
from local.simulated.graph import GraphOptions, SimulatedGraph
from local.simulated.invoices import WORLDS
from local.simulated.partner_center import Options, SimulatedPartnerCenter


def main() -> None:
    """Run the services."""
    arguments = _arguments()
    # Blocked before any thread is started, so that every thread leaves them to sigwait.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    entra_id = SimulatedEntraId()
    partner_center = SimulatedPartnerCenter(
        WORLDS[arguments.size](),
        check_token=entra_id.check,
        options=Options(latency_seconds=arguments.latency_seconds),
    )
    graph = SimulatedGraph(
        partner_center.invoices,
        check_token=entra_id.check,
        options=GraphOptions(latency_seconds=arguments.latency_seconds),
    )
    identity = SimulatedManagedIdentity(entra_id)
    with (
        entra_id.start(arguments.entra_id_port),
        partner_center.start(arguments.partner_center_port),
        graph.start(arguments.graph_port, arguments.files_port),
        identity.start(arguments.managed_identity_port),
    ):
        print(json.dumps(_whereabouts(entra_id, partner_center, graph, identity)), flush=True)
        signal.sigwait(signals)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.simulated", description=__doc__)
    for service in ("partner-center", "graph", "files", "entra-id", "managed-identity"):
        parser.add_argument(
            f"--{service}-port", type=int, default=0, help="0 (the default) is a free one"
        )
    parser.add_argument("--size", choices=sorted(WORLDS), default="small")
    parser.add_argument("--latency-seconds", type=float, default=0)
    return parser.parse_args()


def _whereabouts(
    entra_id: SimulatedEntraId,
    partner_center: SimulatedPartnerCenter,
    graph: SimulatedGraph,
    identity: SimulatedManagedIdentity,
) -> dict[str, object]:
    return {
        "partnerCenterUrl": partner_center.url,
        "graphUrl": graph.root,
        "authority": entra_id.url,
        "caFile": str(entra_id.ca_file),
        "tenantId": entra_id.tenant_id,
        "clientId": entra_id.client_id,
        "clientSecret": entra_id.client_secret,
        "managedIdentity": identity.environment,
    }


if __name__ == "__main__":
    main()
