"""Two instances of the app on the same queue and storage share the work."""

from __future__ import annotations

from collections import Counter

from local.functions_host.process import FunctionsHost
from local.simulated import history
from local.simulated.sources import stored_jsonl
from local.stack import APP_ROOT, POISON, running, settings_for
from tests.e2e.conftest import wait_until
from tests.e2e.test_app import complete, stored
from tests.running_app import expected_blobs

SETTINGS = {"LINE_ITEMS_PAGE_SIZE": "50"}


def test_two_hosts_share_many_links() -> None:
    """Both do some of the work, no page is asked for twice, and the bytes are the same."""
    invoices = history(1, per_month=1, line_count=337)
    with running(invoices, settings=SETTINGS) as stack:
        stack.partner_center.options.latency_seconds = 0.1
        settings = settings_for(stack.azurite, stack.entra_id, stack.partner_center) | SETTINGS
        with FunctionsHost(APP_ROOT, settings) as second:
            stack.host.run("list_invoices")
            wait_until(lambda: complete(stack, invoices, second), "every manifest complete")
            shares = [host.log().count(", in storage invoice=") for host in (stack.host, second)]
        assert stored(stack) == expected_blobs(invoices, stored_jsonl)
        assert sum(shares) == len(expected_blobs(invoices, stored_jsonl))
        assert min(shares) >= sum(shares) // 5
        asked = Counter(
            (request.path_and_query, request.headers.get("ms-continuationtoken", ""))
            for request in stack.partner_center.requests.matching("lineitems")
        )
        assert set(asked.values()) == {1}
        assert stack.waiting(POISON) == 0
