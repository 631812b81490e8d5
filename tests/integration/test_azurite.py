"""Azurite as a child process."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient

from local import azurite as module
from local.azurite import Azurite


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    with Azurite() as running:
        yield running


def _write(azurite: Azurite) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        service.create_container("kept").upload_blob("note.txt", b"still here")


def _read(azurite: Azurite) -> bytes:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        return service.get_blob_client("kept", "note.txt").download_blob().readall()


def test_blobs_and_queues_answer_once_it_has_started(azurite: Azurite) -> None:
    """Blobs and queues can be used as soon as the context manager is entered."""
    _write(azurite)
    with QueueClient.from_connection_string(azurite.connection_string, "greetings") as queue:
        queue.create_queue()
        queue.send_message("hello")
        assert [message.content for message in queue.receive_messages()] == ["hello"]
    assert _read(azurite) == b"still here"


def test_two_of_them_do_not_share_ports(azurite: Azurite) -> None:
    """Each one takes free ports, so several can run side by side."""
    with Azurite() as other:
        ports = {azurite.blob_port, azurite.queue_port, other.blob_port, other.queue_port}
    assert len(ports) == 4


def test_location_survives_a_restart_on_the_same_ports(tmp_path: Path) -> None:
    """With a location, data and ports are the same after a stop and a start."""
    with Azurite(location=tmp_path) as azurite:
        _write(azurite)
        before = azurite.connection_string
        azurite.stop()
        azurite.start()
        assert azurite.connection_string == before
        assert _read(azurite) == b"still here"


def test_it_does_not_outlive_who_has_started_it() -> None:
    """Also where that is asked to end, as CI does with what takes too long."""
    script = (
        "import time\n"
        "from local.azurite import Azurite\n"
        "with Azurite() as azurite:\n"
        "    print(azurite.connection_string, flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as starter:
        assert starter.stdout
        connection_string = starter.stdout.readline().strip()
        starter.terminate()
    with (
        BlobServiceClient.from_connection_string(connection_string, retry_total=0) as service,
        pytest.raises(ServiceRequestError),
    ):
        service.get_service_properties()


def test_what_azurite_says_is_in_the_error(tmp_path: Path) -> None:
    """If Azurite does not come up, the error has its own words."""
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeError, match=r"does not come up:\n(.|\n)*file"):
        Azurite(location=tmp_path / "file").start()


def test_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the npm package, the error says what to run."""
    monkeypatch.setattr(module, "_SCRIPT", Path("nowhere"))
    with pytest.raises(RuntimeError, match="make setup"):
        Azurite().start()
