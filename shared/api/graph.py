"""Microsoft Graph's partner billing export over HTTP: ask for one, look at it.

Sources: Graph's articles *billedReconciliation: export*, *billedUsage: export*, *Get operation* and
*Get manifest*.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from shared.api.client import Client
from shared.api.exchange import (
    Answer,
    Dialect,
    Observer,
    Request,
    RequestContext,
    retry_after,
    unobserved,
)
from shared.api.export import Export, Manifest, ManifestLink, error_of, export_of, manifest_of
from shared.api.files import check_root
from shared.auth.tokens import Tokens
from shared.errors import Fatal, Retriable
from shared.json_text import loads
from shared.keys import LineItemsKey, quoted
from shared.setting_values import is_loopback
from shared.settings import Settings

_BILLING = "/reports/partners/billing"
_PATHS = {
    "billing_line_items": f"{_BILLING}/reconciliation/billed/export",
    "usage_line_items": f"{_BILLING}/usage/billed/export",
}
PERMISSION = (
    "the app registration needs Microsoft Graph's application permission PartnerBilling.Read.All, and "
    "a Global Administrator or Privileged Role Administrator of the partner's tenant has to grant "
    "admin consent for it, once more where there was consent before it was added"
)


class Graph:
    """Requests to the one configured root. Thread-safe; one for the process."""

    def __init__(self, settings: Settings, tokens: Tokens, observe: Observer = unobserved) -> None:
        self._root = settings.graph_url
        self._is_loopback = is_loopback(urlsplit(self._root).hostname or "")
        self._client = Client(self._root, tokens, _DIALECT, observe)

    def ask(self, key: LineItemsKey, *, context: RequestContext) -> str:
        """Ask for an export of all columns of these lines; give the id of the operation that makes it.

        Raises ApiError; Fatal where the operation is said to be elsewhere than below the root.
        """
        body = {"invoiceId": key.invoice_id, "attributeSet": "full"}
        expects = frozenset({200, 201, 202})
        request = Request(
            _PATHS[key.invoice_line_item_type], method="POST", json=body, expects=expects
        )
        location = self._client.send(
            request, lambda answer: answer.headers.get("Location"), context=context
        )
        if not location:
            # Another request would make another operation: that is for a later message.
            raise Retriable(f"Microsoft Graph does not say where the export of {key} is made")
        return self._id_below("operations", location)

    def look(self, operation: str, *, context: RequestContext) -> Export:
        """Say how far an export is: a manifest's files are where they may be.

        Raises ApiError; Fatal with status 404 or 410 where the export is gone, and without one where
        Graph sends to an address that is not trusted.
        """
        export = self._get("operations", operation, export_of, context)
        if isinstance(export, ManifestLink):
            manifest = self._id_below("manifests", export.url)
            export = self._get(
                "manifests", manifest, lambda fields, _: manifest_of(fields), context
            )
        if isinstance(export, Manifest) and export.names:
            check_root(export.root, loopback=self._is_loopback)
        return export

    def _get[T](
        self,
        resource: str,
        resource_id: str,
        read: Callable[[dict[str, Any], float | None], T],
        context: RequestContext,
    ) -> T:
        def parse(answer: Answer) -> T:
            fields = loads(answer.body)
            if not isinstance(fields, dict):
                raise ValueError("expected an object")
            return read(fields, retry_after(answer.headers))

        request = Request(f"{_BILLING}/{resource}/{resource_id}", expects=frozenset({200}))
        return self._client.send(request, parse, context=context)

    def _id_below(self, resource: str, url: str) -> str:
        """Give the id of a resource from its URL, data from outside; raises Fatal for any other URL."""
        root = re.escape(f"{self._root}{_BILLING}/{resource}/")
        match = re.fullmatch(rf"{root}([0-9a-z-]{{1,64}})/?", url, re.I | re.A)
        if not match:
            raise Fatal(
                f"Microsoft Graph sends to {quoted(url.partition('?')[0])}, which is refused: expected one of the "
                f"{resource} below {self._root}"
            )
        return match[1]


def _ids(_context: RequestContext, request_id: str) -> dict[str, str]:
    return {"client-request-id": request_id}


def _error(body: bytes) -> tuple[str | None, str | None]:
    try:
        return error_of(loads(body))
    except ValueError:
        return None, None  # a gateway's HTML, or nothing


_DIALECT = Dialect(
    api="Microsoft Graph",
    headers={"Accept": "application/json"},
    ids=_ids,
    error=_error,
    advice=PERMISSION,
)
