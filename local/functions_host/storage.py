"""Queues as the host uses them: encoded text, leases, poison."""

import base64
import binascii
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.functions_host.errors import Refused
from local.functions_host.settings import connection_string, queue_service_uri

_LARGEST = 64 * 1024  # bytes of a message as it is stored
_POISON = "-poison"
_LONGEST_NAME = 63

# A local emulator is there at once or not at all: the SDK's default would wait for minutes.
_QUICK_RETRIES: dict[str, Any] = {
    "retry_total": 3,
    "initial_backoff": 0,
    "increment_base": 1,
    "random_jitter_range": 0,
}


class LeaseLost(Exception):
    """The pop receipt is no longer valid: the message is gone or was received again."""


class Queue:
    """One queue, whose messages are text, base64-encoded or not."""

    def __init__(self, client: QueueClient, encoded: bool) -> None:
        self.name = client.queue_name
        self._client = client
        self._encoded = encoded

    async def send(self, text: str) -> None:
        """Put a text on the queue, which is created when missing."""
        raw = base64.b64encode(text.encode()).decode() if self._encoded else text
        if len(raw.encode()) > _LARGEST:
            limit = "48 KiB before base64" if self._encoded else "64 KiB"
            raise ValueError(f"a message for queue {self.name} is larger than {limit}")
        await self.send_raw(raw)

    async def send_raw(self, raw: str) -> None:
        """Put a text on the queue as it is."""
        try:
            await self._client.send_message(raw)
        except ResourceNotFoundError:
            # Two who find it missing both create it: the second one is told that it exists.
            with suppress(ResourceExistsError):
                await self._client.create_queue()
            await self._client.send_message(raw)

    async def receive(self, count: int, lease: int) -> list[QueueMessage]:
        """Take up to `count` messages for `lease` seconds; a missing queue is an empty one."""
        try:
            pages = self._client.receive_messages(
                messages_per_page=count, visibility_timeout=lease
            ).by_page()
            async for page in pages:
                return [message async for message in page]
        except ResourceNotFoundError:
            pass
        return []

    def decode(self, message: QueueMessage) -> str:
        """Return the text of a message; ValueError if it is not encoded as it should be."""
        if not self._encoded:
            return str(message.content)
        try:
            return base64.b64decode(message.content, validate=True).decode()
        except binascii.Error as error:
            raise ValueError(f"not base64: {error}") from error

    async def hide(self, message: QueueMessage, seconds: int) -> None:
        """Keep a received message invisible for so long from now on."""
        try:
            # By id, since a message object would be sent back with its content.
            renewed = await self._client.update_message(
                message.id, message.pop_receipt, visibility_timeout=seconds
            )
        except HttpResponseError as error:
            raise _lease_lost(error) from error
        message.pop_receipt = renewed.pop_receipt

    async def delete(self, message: QueueMessage) -> None:
        """Remove a received message."""
        try:
            await self._client.delete_message(message.id, message.pop_receipt)
        except HttpResponseError as error:
            raise _lease_lost(error) from error


def _lease_lost(error: HttpResponseError) -> Exception:
    return LeaseLost(error.reason) if error.status_code in (400, 404) else error


class Storage:
    """The queues behind the connections that app settings describe."""

    def __init__(self, settings: Mapping[str, str], encoded: bool) -> None:
        self._settings = settings
        self._encoded = encoded
        self._services: dict[str, QueueServiceClient] = {}

    def queue(self, connection: str, name: str) -> Queue:
        """Return a queue of a connection."""
        if connection not in self._services:
            self._services[connection] = self._service(connection)
        return Queue(self._services[connection].get_queue_client(name), self._encoded)

    def poison(self, connection: str, name: str) -> Queue | None:
        """Return the queue for what fails too often, if the name leaves room for one."""
        if name.endswith(_POISON) or len(name + _POISON) > _LONGEST_NAME:
            return None
        return self.queue(connection, name + _POISON)

    def _service(self, name: str) -> QueueServiceClient:
        try:
            return self._connect(name)
        except ValueError as error:
            raise Refused(f"the connection {name!r} cannot be used: {error}") from error

    def _connect(self, name: str) -> QueueServiceClient:
        text = connection_string(name, self._settings)
        if text:
            return QueueServiceClient.from_connection_string(text, **_QUICK_RETRIES)
        # Imported here: it takes memory that few local runs need.
        from azure.identity.aio import DefaultAzureCredential

        uri = queue_service_uri(name, self._settings) or ""
        client_id = self._settings.get(f"{name}__clientId")
        credential = DefaultAzureCredential(managed_identity_client_id=client_id)
        return QueueServiceClient(uri, credential, **_QUICK_RETRIES)

    async def close(self) -> None:
        """Close the connections."""
        for service in self._services.values():
            await service.close()
