"""What the functions work with, put together from the settings: one of each for the process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

from shared.api.files import Files
from shared.api.graph import Graph
from shared.api.partner_center import PartnerCenter
from shared.auth.tokens import AppCredential, Tokens
from shared.queue import LineItemsQueue
from shared.settings import Settings, get_settings
from shared.storage.accounts import invoices_container, line_items_queue
from shared.storage.archive import Archive


@dataclass
class Services:
    """Each one is made when it is first needed."""

    settings: Settings

    @cached_property
    def credential(self) -> AppCredential:
        """Who the app is, to every API."""
        return AppCredential(self.settings)

    @cached_property
    def partner_center_tokens(self) -> Tokens:
        """Tokens that Partner Center takes, and no other API."""
        return Tokens(self.credential, self.settings.scope)

    @cached_property
    def partner_center(self) -> PartnerCenter:
        """The client of Partner Center."""
        return PartnerCenter(self.settings, self.partner_center_tokens)

    @cached_property
    def graph_tokens(self) -> Tokens:
        """Tokens that Microsoft Graph takes, and no other API."""
        return Tokens(self.credential, self.settings.graph_scope)

    @cached_property
    def graph(self) -> Graph:
        """The client of Microsoft Graph."""
        return Graph(self.settings, self.graph_tokens)

    @cached_property
    def files(self) -> Files:
        """The client of the host of exports' files, which takes no token."""
        return Files()

    @cached_property
    def archive(self) -> Archive:
        """The container of the invoices."""
        return Archive(invoices_container(self.settings))

    @cached_property
    def queue(self) -> LineItemsQueue:
        """The queue `invoice-line-items`."""
        return LineItemsQueue(line_items_queue(self.settings))


@cache
def get_services() -> Services:
    """Give the process's services; raises InvalidInput when settings are missing or wrong."""
    return Services(get_settings())
