"""A Partner Center, a Microsoft Graph and an Entra ID for people and for tests: real sockets, known quirks, faults on demand."""

from local.simulated import faults, file_faults
from local.simulated.access import TokenState
from local.simulated.entra_id import SimulatedEntraId, SimulatedManagedIdentity
from local.simulated.faults import Faults
from local.simulated.graph import GraphOptions, SimulatedGraph
from local.simulated.invoices import current_world, history, large_world, small_world
from local.simulated.model import Detail, Invoice
from local.simulated.partner_center import Options, SimulatedPartnerCenter
from local.simulated.server import ReceivedRequest, RequestLog, Service

__all__ = [
    "Detail",
    "Faults",
    "GraphOptions",
    "Invoice",
    "Options",
    "ReceivedRequest",
    "RequestLog",
    "Service",
    "SimulatedEntraId",
    "SimulatedGraph",
    "SimulatedManagedIdentity",
    "SimulatedPartnerCenter",
    "TokenState",
    "current_world",
    "faults",
    "file_faults",
    "history",
    "large_world",
    "small_world",
]
