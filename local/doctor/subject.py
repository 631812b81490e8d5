"""What is examined: the app's services, the answers that they get, and what was found so far."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property

from shared.api.exchange import Answer, RequestContext
from shared.api.export import Manifest
from shared.api.files import Files
from shared.api.graph import Graph
from shared.api.partner_center import PartnerCenter
from shared.api.patience import Patience
from shared.models import Invoice
from shared.services import Services


class NotAsked(Exception):
    """A check cannot ask, because of what an earlier one has found; the text says why."""


@dataclass
class Subject(Services):
    """The services as the app has them, but what they answer is kept in `answers`.

    `scopes` are those of which there is a token. `invoices` (None: not known) and `manifest` are what
    checks leave to those after them.
    """

    answers: list[Answer] = field(default_factory=list)
    scopes: set[str] = field(default_factory=set)
    invoices: list[Invoice] | None = None
    manifest: Manifest | None = None

    @cached_property
    def partner_center(self) -> PartnerCenter:
        """The client of Partner Center."""
        return PartnerCenter(self.settings, self.partner_center_tokens, self.answers.append)

    @cached_property
    def graph(self) -> Graph:
        """The client of Microsoft Graph."""
        return Graph(self.settings, self.graph_tokens, self.answers.append)

    @cached_property
    def files(self) -> Files:
        """The client of the host of exports' files."""
        return Files(self.answers.append)

    def has_token(self, scope: str) -> None:
        """Go no further without a token of this scope."""
        if scope not in self.scopes:
            raise NotAsked("there is no token")

    def uses_graph(self) -> None:
        """Go no further where the app never asks Graph."""
        if self.settings.new_commerce_source != "graph":
            raise NotAsked("the lines of new commerce come from v1 (NEW_COMMERCE_SOURCE)")

    def listed(self) -> list[Invoice]:
        """Give the invoices, newest first."""
        if self.invoices is None:
            raise NotAsked("the invoice list is not known")
        return self.invoices


def within(seconds: float) -> RequestContext:
    """Make the context of a question that has so much time: one more attempt, short waits."""
    patience = Patience(attempts=2, connect_timeout=10, read_timeout=seconds, longest_wait=2)
    return RequestContext(patience=patience, deadline=time.monotonic() + seconds)
