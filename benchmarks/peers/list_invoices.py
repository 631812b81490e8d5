"""A run of the timer's function, in a process that is warm; it counts its HTTP requests."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from benchmarks.peers.job import tell
from list_invoices.sync import sync_invoices
from shared.services import Services
from shared.settings import get_settings
from shared.storage.accounts import invoices_container, line_items_queue


def counted_requests(ports: dict[int | None, str]) -> Counter[str]:
    """Count every request from now on, by what listens on its port."""
    counts: Counter[str] = Counter()
    send = HTTPAdapter.send

    def counting(
        self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        port = urlsplit(str(request.url)).port
        counts[f"requests to {ports.get(port, 'others')}"] += 1
        return send(self, request, *args, **kwargs)

    HTTPAdapter.send = counting  # type: ignore[method-assign]
    return counts


def main() -> None:
    """Run it once."""
    services = Services(get_settings())
    settings = services.settings
    services.partner_center_tokens.get()
    container, queue = invoices_container(settings), line_items_queue(settings)
    counts = counted_requests(
        {
            urlsplit(settings.partner_center_url).port: "Partner Center",
            urlsplit(container.url).port: "blobs",
            urlsplit(queue.url).port: "queue",
        }
    )

    def run() -> dict[str, int]:
        outcome = sync_invoices(services)
        return {
            "invoices written": outcome.stored,
            "messages sent": outcome.enqueued,
        } | dict(counts)

    tell(run)


if __name__ == "__main__":
    main()
