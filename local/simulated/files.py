"""The host of the exported files: blob storage, as far as reading with a signature goes."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
import uuid
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

from aiohttp import web

from local.simulated.data_sets import DataSet, ExportFile
from local.simulated.export_files import FileShape, ShapeOptions, write_file
from local.simulated.sas import SharedAccess
from local.simulated.server import Service


@dataclass
class FileOptions(ShapeOptions):
    """Switches for the files' host."""

    sas_lifetime_seconds: float = 3600
    content_encoding: bool = False  # says that what is zipped is
    old_versions: bool = True  # files of earlier versions are served as long as signatures last
    latency_seconds: float = 0  # of every answer, Graph's too


class SimulatedFiles(Service):
    """Serves the files of data sets to who has a signature for their folder.

    `faults` may be changed while it runs, and so may what `options` gives.
    """

    def __init__(
        self, options: Callable[[], FileOptions], is_current: Callable[[DataSet], bool]
    ) -> None:
        super().__init__()
        self._options = options
        self._is_current = is_current
        self._access = SharedAccess()
        self._files: dict[str, ExportFile] = {}
        self._writing = threading.Lock()
        # Files are made when they are asked for, and outlive a stop.
        folder = tempfile.mkdtemp(prefix="simulated-files-")
        weakref.finalize(self, shutil.rmtree, folder)
        self._folder = Path(folder)

    # --- what Graph and tests ask of it ---

    def publish(self, data_set: DataSet) -> None:
        """Serve the files of this data set from now on."""
        self._files |= {file.path: file for file in data_set.files}

    def write(self, data_set: DataSet) -> None:
        """Write the files of this data set now, so that no request has to wait for it."""
        for file in data_set.files:
            self._written(file, self._options().shape)

    def sign(self, data_set: DataSet) -> str:
        """Give a new signature for the folder of this data set."""
        return self._access.grant(data_set.folder, self._options().sas_lifetime_seconds)

    def expire_all(self) -> None:
        """Let every signature that was given so far expire now."""
        self._access.expire_all()

    # --- what it does for those who ask over the wire ---

    def application(self) -> web.Application:
        """Make the application."""
        application = web.Application(middlewares=[self._answer])
        application.router.add_get("/{path:.*}", self._file, allow_head=False)
        return application

    @web.middleware
    async def _answer(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        await asyncio.sleep(self._options().latency_seconds)
        if "Authorization" in request.headers:
            text = "Authentication information is not given in the correct format."
            return _error(400, "InvalidAuthenticationInfo", text)
        problem = self._access.problem(request.path, request.rel_url.raw_query_string)
        if problem:
            return _error(403, "AuthenticationFailed", "Server failed to authenticate.", problem)
        return await handler(request)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        file = self._files.get(request.path)
        if file is None or not (self._options().old_versions or self._is_current(file.data_set)):
            return _error(404, "BlobNotFound", "The specified blob does not exist.")
        shape = self._options().shape
        path = await asyncio.to_thread(self._written, file, shape)
        headers = {
            "Content-Type": "application/octet-stream",
            "ETag": f'"0x{path.name[:15].upper()}"',
            "Accept-Ranges": "bytes",
        }
        if self._options().content_encoding and not shape.plain:
            headers["Content-Encoding"] = "gzip"
        return _content(request, path, headers)

    def _written(self, file: ExportFile, shape: FileShape) -> Path:
        """Give the file on disk; the first time it is written."""
        path = self._folder / sha256(f"{file.path} {shape}".encode()).hexdigest()
        with self._writing:
            if not path.exists():
                unfinished = path.with_suffix(".unfinished")
                with unfinished.open("wb") as target:
                    write_file(file, shape, target)
                unfinished.rename(path)
        return path


def _content(request: web.Request, path: Path, headers: dict[str, str]) -> web.StreamResponse:
    if "Range" not in request.headers:
        response = web.Response(body=path.open("rb"), headers=headers)
        del response.headers["Content-Disposition"]  # aiohttp's own, with a name that says nothing
        return response
    size = path.stat().st_size
    try:
        start, stop, _ = request.http_range.indices(size)
    except ValueError:
        start, stop = size, size
    if start >= stop:
        return _error(416, "InvalidRange", "The range specified is invalid.")
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    with path.open("rb") as file:
        return web.Response(status=206, body=_slice(file, start, stop), headers=headers)


def _slice(file: IO[bytes], start: int, stop: int) -> bytes:
    file.seek(start)
    return file.read(stop - start)


def _error(status: int, code: str, message: str, detail: str = "") -> web.Response:
    detail = f"<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>" if detail else ""
    request_id = str(uuid.uuid4())
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{code}</Code><Message>{message}\nRequestId:{request_id}</Message>"
        f"{detail}</Error>"
    )
    headers = {"x-ms-error-code": code, "x-ms-request-id": request_id}
    return web.Response(
        status=status, body=body.encode(), content_type="application/xml", headers=headers
    )
