"""Partner Center's and Graph's resources as documented types, for this app and for anyone who reads the blobs."""

from shared.models.export_line_items import BilledReconciliationLineItem, BilledUsageLineItem
from shared.models.invoices import (
    ErrorBody,
    Invoice,
    InvoiceCollection,
    InvoiceDetail,
    Link,
    Links,
)
from shared.models.line_item_types import LINE_ITEM_TYPES
from shared.models.line_items import (
    DailyRatedUsageLineItem,
    DailyUsageLineItem,
    LicenseBasedLineItem,
    LineItem,
    OneTimeInvoiceLineItem,
    UsageBasedLineItem,
)

__all__ = [
    "LINE_ITEM_TYPES",
    "BilledReconciliationLineItem",
    "BilledUsageLineItem",
    "DailyRatedUsageLineItem",
    "DailyUsageLineItem",
    "ErrorBody",
    "Invoice",
    "InvoiceCollection",
    "InvoiceDetail",
    "LicenseBasedLineItem",
    "LineItem",
    "Link",
    "Links",
    "OneTimeInvoiceLineItem",
    "UsageBasedLineItem",
]
