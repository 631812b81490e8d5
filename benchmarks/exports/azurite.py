"""Storage that keeps what it is given: Azurite, with a folder on disk, for memory would not do."""

from __future__ import annotations

import tempfile
import zlib
from pathlib import Path

from azure.storage.blob import BlobServiceClient, ContainerClient

from benchmarks.exports.sums import Text
from benchmarks.stored import new_container
from local.azurite import Azurite
from local.processes import Piece


class AzuriteOnDisk(Piece):
    """The process; what is in it goes with it."""

    def start(self) -> None:
        """Start it."""
        self._folder = tempfile.TemporaryDirectory(prefix="invoices-azurite-")
        self._azurite = Azurite(Path(self._folder.name))
        self._azurite.start()

    def stop(self) -> None:
        """Stop it."""
        self._azurite.stop()
        self._folder.cleanup()

    @property
    def connection_string(self) -> str:
        """How to connect."""
        return self._azurite.connection_string

    def upload_url(self, container: str) -> str:
        """Make a container, and give an address that anyone may write to."""
        return new_container(self._service, container)[1]

    def blobs(self, container: str) -> dict[str, tuple[Text, dict[str, str]]]:
        """Say what is committed in a container: of each blob the sums and the metadata."""
        client = self._service.get_container_client(container)
        names = list(client.list_blob_names())
        return {name: (_text(client, name), _metadata(client, name)) for name in names}

    @property
    def _service(self) -> BlobServiceClient:
        return BlobServiceClient.from_connection_string(self.connection_string)


def _text(client: ContainerClient, name: str) -> Text:
    lines, size, adler = 0, 0, 1
    for chunk in client.download_blob(name).chunks():
        lines, size = lines + chunk.count(b"\n"), size + len(chunk)
        adler = zlib.adler32(chunk, adler)
    return Text(lines, size, adler)


def _metadata(client: ContainerClient, name: str) -> dict[str, str]:
    return dict(client.get_blob_client(name).get_blob_properties().metadata)
