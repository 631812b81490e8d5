"""Tells once of each invoice that has become final, and again where it has changed since: event-grid.md.

An event says that a manifest was written, which each look at an invoice does: it may come twice, late, or after a
newer one. So it only says where to look; what counts is the manifest as it is now.
"""

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient, TextBase64DecodePolicy


def tell_if_final(
    event: dict[str, Any],
    invoices: ContainerClient,
    told: ContainerClient,
    tell: Callable[[str], None],
) -> None:
    """Tell of the invoice whose manifest the event is about, if it has settled and was not told of as it is now."""
    invoice_id = event["subject"].split("/")[-2]
    blob = invoices.download_blob(f"{invoice_id}/manifest.json")
    manifest = json.loads(blob.readall(), parse_float=Decimal)
    # `contents` is another one whenever the invoice or its lines have changed; a look that finds the same keeps it.
    mark = told.get_blob_client(f"{invoice_id}/{blob.properties.metadata['contents']}")
    if manifest["state"] == "settled" and not mark.exists():
        tell(
            f"{invoice_id}: {manifest['totalCharges']} {manifest['currencyCode']}, {manifest['reason']}"
        )
        mark.upload_blob(b"", overwrite=True)  # after it was told: better twice than never


def main(account: str) -> None:
    """Work the queue `invoices-final` of this account off."""
    who = DefaultAzureCredential()
    blobs = BlobServiceClient(f"https://{account}.blob.core.windows.net", who)
    queue = QueueClient(
        *(f"https://{account}.queue.core.windows.net", "invoices-final"),
        credential=who,
        message_decode_policy=TextBase64DecodePolicy(),  # as Event Grid writes them
    )
    for message in queue.receive_messages():
        tell_if_final(
            json.loads(message.content),
            *map(blobs.get_container_client, ("invoices", "invoices-told")),
            print,
        )
        queue.delete_message(message)


if __name__ == "__main__":
    main(sys.argv[1])
