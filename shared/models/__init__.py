"""Partner Center's resources as documented types, for this app and for anyone who reads the blobs."""

from shared.models.invoices import (
    ErrorBody,
    Invoice,
    InvoiceCollection,
    InvoiceDetail,
    Link,
    Links,
)
from shared.models.line_items import (
    LINE_ITEM_TYPES,
    DailyRatedUsageLineItem,
    DailyUsageLineItem,
    LicenseBasedLineItem,
    LineItem,
    OneTimeInvoiceLineItem,
    UsageBasedLineItem,
)

__all__ = [
    "LINE_ITEM_TYPES",
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
