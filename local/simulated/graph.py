"""A simulated Microsoft Graph: the billing export of new-commerce lines, as far as it is known."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from local.simulated.access import CheckToken, TokenState, accept_any_token, token_state
from local.simulated.bodies import compact
from local.simulated.data_sets import DataSet
from local.simulated.export_request import invoice_id_of
from local.simulated.files import FileOptions, SimulatedFiles
from local.simulated.graph_errors import error, not_found, unauthenticated
from local.simulated.manifests import ManifestOptions, manifest, resource_location
from local.simulated.model import BILLING, USAGE, Invoice
from local.simulated.operations import Operation, OperationOptions, retry_after
from local.simulated.publishing import Failure, PublishingOptions, published
from local.simulated.refusing import checked
from local.simulated.server import Service

_BASE = "/reports/partners/billing"
_TYPES = {"reconciliation": BILLING, "usage": USAGE}
_EXPORT = r"/{kind:reconciliation|usage}/billed/{_:(microsoft\.graph\.partners\.billing\.)?export}"


@dataclass
class GraphOptions(OperationOptions, PublishingOptions, ManifestOptions, FileOptions):
    """Switches for what nobody has told, and for what differs between days.

    They may be changed at any time, and are explained where they are read.
    """


class SimulatedGraph(Service):
    """Microsoft Graph with the new-commerce lines of these invoices, and the host of its files.

    `invoices` is the very dict of the simulated Partner Center, so that both know the same.
    `check_token` gets a token and the audience to expect, which is the service's URL with https.
    """

    def __init__(
        self,
        invoices: dict[str, Invoice],
        *,
        check_token: CheckToken = accept_any_token,
        options: GraphOptions | None = None,
        prefix: str = "/v1.0",
    ) -> None:
        super().__init__()
        self.invoices = invoices
        self.options = options or GraphOptions()
        self.files = SimulatedFiles(lambda: self.options, self._is_current)
        self._check_token = check_token
        self._prefix = prefix
        self._operations: dict[str, Operation] = {}
        self._with_manifest: dict[str, Operation] = {}  # the last one, by the manifest's id

    @property
    def root(self) -> str:
        """The URL of a version, below which the calls are."""
        return self.url + self._prefix

    def prepare(self, invoice_id: str, type: str) -> None:
        """Write the files of an export ahead: those of a million rows take seconds."""
        data_set = published(self.invoices, invoice_id, type, self.options)
        if isinstance(data_set, DataSet):
            self.files.write(data_set)

    def start(self, port: int = 0, files_port: int = 0) -> Self:
        """Listen on these ports, or on free ones; the files' host keeps its own for good."""
        used = re.search(r":(\d+)$", self.files.url)
        self.files.start(files_port or (int(used[1]) if used else 0))
        try:
            return super().start(port)
        except OSError:
            self.files.stop()
            raise

    def stop(self) -> None:
        """Hang up on everybody, and listen no more."""
        super().stop()
        self.files.stop()

    def application(self) -> web.Application:
        """Make the application."""
        application = web.Application(middlewares=[self._answer])
        application.on_response_prepare.append(_add_headers)
        router = application.router
        for root in (self._prefix, self._prefix.rpartition("/")[0] + "/beta"):
            router.add_post(root + _BASE + _EXPORT, self._export)
            router.add_get(root + _BASE + "/operations/{id}", self._operation)
            router.add_get(root + _BASE + "/manifests/{id}", self._manifest)
        router.add_route("*", "/{tail:.*}", self._nothing)
        return application

    @web.middleware
    async def _answer(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        await asyncio.sleep(self.options.latency_seconds)
        return await checked(request, self._check_caller, handler)

    def _check_caller(self, request: web.Request) -> None:
        state = token_state(request, self._check_token, scheme="https")
        if state is TokenState.MISSING:
            raise unauthenticated("Access token is empty.")
        if state is TokenState.WRONG_AUDIENCE:
            raise unauthenticated("Access token validation failure. Invalid audience.")
        if state is not TokenState.VALID:
            raise unauthenticated("Lifetime validation failed, the token is expired.")
        if not self.options.permitted:
            text = "Insufficient privileges to complete the operation."
            raise error(403, "Authorization_RequestDenied", text)

    async def _export(self, request: web.Request) -> web.Response:
        type = _TYPES[request.match_info["kind"]]
        operation = self._begun(Operation(invoice_id_of(await request.text()), type))
        options = self.options
        host = options.foreign_location if options.location == "foreign" else _host(request)
        response = web.Response(status=202)
        if options.location != "missing":
            location = f"{host}{_version(request)}{_BASE}/operations/{operation.id}"
            response.headers["Location"] = location
        if options.content_type_on_202:
            response.headers["Content-Type"] = "application/json"
        return response

    def _begun(self, operation: Operation) -> Operation:
        """Give the operation that an export begins, or goes on with."""
        if self.options.same_operation:
            for earlier in self._operations.values():
                if earlier.is_of(operation) and not earlier.is_gone(self.options):
                    return earlier
        self._operations[operation.id] = operation
        return operation

    async def _operation(self, request: web.Request) -> web.Response:
        operation = self._find(self._operations, request, "The operation")
        ready = operation.look(self.options)
        if not ready:
            body = operation.running(self.options)
            return _json(request, "operations", body, retry_after(self.options))
        outcome = self._outcome(operation)
        if isinstance(outcome, Failure):
            return _json(request, "operations", operation.failed(outcome, self.options))
        url = f"{_host(request)}{_version(request)}{_BASE}/manifests/{outcome.id}"
        inline = self._manifest_of(operation, outcome)
        found = resource_location(inline, url, self.options)
        return _json(request, "operations", operation.succeeded(self.options) | found)

    async def _manifest(self, request: web.Request) -> web.Response:
        operation = self._find(self._with_manifest, request, "The manifest")
        outcome = self._outcome(operation)
        assert isinstance(outcome, DataSet)  # noqa: S101 (tells mypy)
        return _json(request, "manifests", self._manifest_of(operation, outcome))

    def _find(self, operations: dict[str, Operation], request: web.Request, what: str) -> Operation:
        operation = operations.get(request.match_info["id"])
        if operation is None:
            raise not_found(what)
        if operation.is_gone(self.options):
            raise error(410, "Gone", f"{what} has expired.")
        return operation

    def _outcome(self, operation: Operation) -> DataSet | Failure:
        """Give what an operation has come to; that never changes again."""
        if operation.outcome is None:
            asked = operation.invoice_id, operation.type
            operation.outcome = published(self.invoices, *asked, self.options)
            if self.options.fails_with is not None:
                operation.outcome = Failure(self.options.fails_with, "The operation has failed.")
        return operation.outcome

    def _manifest_of(self, operation: Operation, data_set: DataSet) -> dict[str, Any]:
        self._with_manifest[data_set.id] = operation
        self.files.publish(data_set)
        if not operation.sas or self.options.fresh_sas_on_look:
            operation.sas = self.files.sign(data_set)
        return manifest(data_set, self.files.url, operation.sas, self.options)

    def _is_current(self, data_set: DataSet) -> bool:
        asked = data_set.invoice.id, data_set.type
        now = published(self.invoices, *asked, self.options)
        return isinstance(now, DataSet) and now.digest == data_set.digest

    async def _nothing(self, _request: web.Request) -> web.StreamResponse:
        raise not_found("The resource")


def _host(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"


def _version(request: web.Request) -> str:
    return request.path.partition(_BASE)[0]


def _json(
    request: web.Request, of: str, body: dict[str, Any], headers: dict[str, str] | None = None
) -> web.Response:
    root = f"{_host(request)}{_version(request)}"
    context = {"@odata.context": f"{root}/$metadata#{_BASE[1:]}/{of}/$entity"}
    return web.json_response(context | body, headers=headers, dumps=compact)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["request-id"] = str(uuid.uuid4())
    # The caller's own id comes back.
    sent = request.headers.get("client-request-id")
    response.headers["client-request-id"] = sent or response.headers["request-id"]
