r"""Which documented type the lines of a blob have, whatever their source.

Anyone can read a blob with them:

    kind = LINE_ITEM_TYPES[entry["source"], entry["billingProvider"], entry["invoiceLineItemType"]]
    for line in blob.split(b"\n")[:-1]:
        item = kind.from_json(line)
"""

from __future__ import annotations

from shared.models.export_line_items import BilledReconciliationLineItem, BilledUsageLineItem
from shared.models.line_items import (
    DailyRatedUsageLineItem,
    DailyUsageLineItem,
    LicenseBasedLineItem,
    LineItem,
    OneTimeInvoiceLineItem,
    UsageBasedLineItem,
)

LINE_ITEM_TYPES: dict[tuple[str, str, str], type[LineItem]] = {
    ("v1", "office", "billing_line_items"): LicenseBasedLineItem,
    ("v1", "azure", "billing_line_items"): UsageBasedLineItem,
    ("v1", "azure", "usage_line_items"): DailyUsageLineItem,
    ("v1", "one_time", "billing_line_items"): OneTimeInvoiceLineItem,
    ("v1", "one_time", "usage_line_items"): DailyRatedUsageLineItem,
    ("graph", "one_time", "billing_line_items"): BilledReconciliationLineItem,
    ("graph", "one_time", "usage_line_items"): BilledUsageLineItem,
}
"""The type of a line by source, billing provider and line item type, spelled as in manifests."""
