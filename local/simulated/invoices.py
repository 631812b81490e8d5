"""The data of the simulated Partner Center: invoices of any size, each line a function of its position.

Nothing is stored: a line is rendered when it is asked for, so an invoice of a million lines costs
nothing until then. But for a serial number in each, lines repeat with a period, so what a million
of them sum up to is known without rendering one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any
from zlib import crc32

BILLING, USAGE = "billing_line_items", "usage_line_items"
OFFICE, AZURE, ONE_TIME = "office", "azure", "one_time"
RECURRING = "Recurring"  # of the kinds of invoices; the other is called OneTime
NEW_COMMERCE = "OneTime"

PERIOD = 200
# One row in each period is the row before it again, byte by byte: both are billed.
TWIN = 7


@dataclass(frozen=True)
class Detail:
    """One kind of lines on an invoice, spelled as in responses."""

    provider: str
    type: str
    line_count: int


@dataclass(frozen=True)
class Invoice:
    """What Partner Center knows about an invoice; `dataclasses.replace` makes a changed one."""

    id: str
    kind: str
    invoice_date: date
    details: tuple[Detail, ...] | None = ()
    currency: str = "USD"
    document_type: str = "invoice"
    amendments: tuple[Invoice, ...] = ()
    amends: str | None = None
    paid_amount: Decimal = Decimal("0.0")
    state: str = ""
    adjustment: Decimal = Decimal(0)  # charged on the invoice, but on none of its lines
    has_billing_period: bool = True
    revision: int = 0  # another revision has other lines

    @property
    def prefixed_id(self) -> str:
        """The id as links spell it."""
        return f"{self.kind}-{self.id}"

    def detail(self, provider: str, type: str) -> Detail | None:
        """Find the detail of this provider and type."""
        pair = (provider, type)
        return next((d for d in self.details or () if (d.provider, d.type) == pair), None)


# --- JSON -----------------------------------------------------------------------------------------


class Raw(str):
    """JSON text that goes out exactly as it is spelled here: `1.10`, or a string with escapes."""

    __slots__ = ()


def to_json(value: object) -> str:
    """Spell a value as compact JSON; decimals keep every digit, which `json.dumps` can't do."""
    match value:
        case Raw():
            return value
        case Decimal():
            return _decimal_text(value)
        case dict():
            return "{" + ",".join(f"{json.dumps(k)}:{to_json(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(to_json, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _decimal_text(value: Decimal) -> str:
    text = f"{value:f}"
    return text if "." in text else f"{text}.0"


def pascal_case(name: str) -> str:
    """Spell an enum value as in links: `one_time` is `OneTime` there."""
    return "".join(part.capitalize() for part in name.split("_"))


# --- invoices -------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def invoice_json(invoice: Invoice) -> str:
    """Give the invoice as the list has it; amendments come nested, and without links."""
    return to_json(_invoice(invoice, has_links=True))


def _invoice(invoice: Invoice, *, has_links: bool) -> dict[str, Any]:
    fields = {
        "id": invoice.id,
        "invoiceDate": f"{invoice.invoice_date}T22:40:37.5897767Z",
        **(_billing_period(invoice) if invoice.has_billing_period else {}),
        "totalCharges": total_charges(invoice),
        "paidAmount": invoice.paid_amount,
        "currencyCode": invoice.currency,
        "currencySymbol": {"USD": "$", "EUR": "€", "KRW": "₩"}.get(invoice.currency, ""),
        "pdfDownloadLink": f"/invoices/{invoice.id}/documents/statement" if has_links else None,
        "invoiceDetails": invoice.details
        and [_detail(invoice, detail, has_links=has_links) for detail in invoice.details],
        "amendments": [_invoice(a, has_links=False) for a in invoice.amendments] or None,
        "documentType": invoice.document_type,
        "amendsOf": invoice.amends,
        "state": invoice.state,
        "invoiceType": invoice.kind,
        "attributes": {"objectType": "Invoice"},
        "links": _self_link(f"/invoices/{invoice.prefixed_id}") if has_links else None,
    }
    # Of the fields without a value only the details are sent, as null.
    return {k: v for k, v in fields.items() if v is not None or k == "invoiceDetails"}


def _billing_period(invoice: Invoice) -> dict[str, str]:
    last = invoice.invoice_date.replace(day=1) - timedelta(days=1)
    return {
        "billingPeriodStartDate": f"{last.replace(day=1)}T00:00:00Z",
        "billingPeriodEndDate": f"{last}T00:00:00Z",
    }


def _detail(invoice: Invoice, detail: Detail, *, has_links: bool) -> dict[str, Any]:
    kind = f"{pascal_case(detail.provider)}/{pascal_case(detail.type)}"
    link = _self_link(f"/invoices/{invoice.prefixed_id}/lineitems/{kind}")
    return {
        "invoiceLineItemType": detail.type,
        "billingProvider": detail.provider,
        "attributes": {"objectType": "InvoiceDetail"},
    } | ({"links": link} if has_links else {})


def _self_link(uri: str) -> dict[str, Any]:
    return {"self": {"uri": uri, "method": "GET", "headers": []}}


# --- sums -----------------------------------------------------------------------------------------

# A tax on each line makes the subtotals sum up to something else than the totals.
_TAX = "1.10"
_ODD_CHARGES = (
    *("23.0", "0.1999968000511991808131", "1.10", "16", "-16.50", "0.0000"),
    *("0.0209496384791679", "99999.99", "7.000", "0.737586206896552"),
)


def _charge(position: int) -> str:
    if position % 4 == 0:
        return _ODD_CHARGES[position // 4 % len(_ODD_CHARGES)]
    return f"{position * 37 % 1000}.{position * 7919 % 10000:04d}"


def total(invoice: Invoice, provider: str, type: str) -> Decimal | None:
    """Sum the charges of these lines exactly; None where the lines have no charge.

    Office and one_time: totalForCustomer. Azure: postTaxTotal. Usage of one_time:
    billingPreTaxTotal.
    """
    detail = invoice.detail(provider, type)
    if detail is None:
        raise KeyError(f"{invoice.id} has no {provider}/{type}")
    if (provider, type) == (AZURE, USAGE):
        return None
    sums = _running_sums(_shift(invoice, provider, type))
    periods, rest = divmod(detail.line_count, PERIOD)
    with localcontext(prec=100):
        return periods * sums[PERIOD] + sums[rest]


def line_total(invoice: Invoice) -> Decimal:
    """Sum the billing lines, of whatever provider."""
    with localcontext(prec=100):
        billing = [d for d in invoice.details or () if d.type == BILLING]
        return sum((total(invoice, d.provider, d.type) or Decimal(0) for d in billing), Decimal(0))


def total_charges(invoice: Invoice) -> Decimal:
    """Give what the invoice says: its billing lines, and the adjustment that is on no line."""
    with localcontext(prec=100):
        return line_total(invoice) + invoice.adjustment


@lru_cache(maxsize=PERIOD)
def _running_sums(shift: int) -> tuple[Decimal, ...]:
    sums = [Decimal(0)]
    with localcontext(prec=100):
        for index in range(PERIOD):
            sums.append(sums[-1] + Decimal(_charge(_position(index, shift))))
    return tuple(sums)


def _shift(invoice: Invoice, provider: str, type: str) -> int:
    # Where in the period the lines begin: otherwise every invoice would have the same lines.
    return crc32(f"{invoice.id}/{provider}/{type}/{invoice.revision}".encode()) % PERIOD


def _serial(index: int) -> int:
    return index - 1 if index % PERIOD == TWIN else index


def _position(index: int, shift: int) -> int:
    return (_serial(index) + shift) % PERIOD


# --- lines ----------------------------------------------------------------------------------------


def line(invoice: Invoice, provider: str, type: str, index: int) -> bytes:
    """Give the exact text of one line, compact."""
    return lines(invoice, provider, type, index, index + 1)[0]


def lines(invoice: Invoice, provider: str, type: str, start: int, stop: int) -> list[bytes]:
    """Give the exact texts of the lines from `start` to before `stop`."""
    shift = _shift(invoice, provider, type)
    templates = _templates(invoice, provider, type)
    return [
        (b"%08x" % _serial(index)).join(templates[_position(index, shift)])
        for index in range(start, stop)
    ]


def pieces(invoice: Invoice, provider: str, type: str, start: int, stop: int) -> list[bytes]:
    """Give the same with commas between them, in pieces, so that a page has to be joined only once.

    To make and free each line of a page of megabytes would take most of the time.
    """
    shift = _shift(invoice, provider, type)
    templates = _templates(invoice, provider, type)
    page: list[bytes] = []
    for index in range(start, stop):
        serial = b"%08x" % _serial(index)
        first, *others = templates[_position(index, shift)]
        page += (b",", first) if page else (first,)
        for other in others:
            page += (serial, other)
    return page


def jsonl(invoice: Invoice, provider: str, type: str) -> Iterator[bytes]:
    """Give what has to be in storage: every line and a newline."""
    detail = invoice.detail(provider, type)
    for start in range(0, detail.line_count if detail else 0, PERIOD):
        stop = min(start + PERIOD, detail.line_count if detail else 0)
        yield from (item + b"\n" for item in lines(invoice, provider, type, start, stop))


# Marks in a template, from Unicode's private use area: they can't be in real text.
_SERIAL, _INVOICE, _CURRENCY, _MONTH = "\ue000", "\ue001", "\ue002", "\ue003"


@lru_cache(maxsize=64)
def _templates(invoice: Invoice, provider: str, type: str) -> list[list[bytes]]:
    """Give a period's lines as the pieces between their serial numbers."""
    month = f"{invoice.invoice_date.replace(day=1) - timedelta(days=1):%Y-%m}"
    marks = {_INVOICE: invoice.id, _CURRENCY: invoice.currency, _MONTH: month}
    pieces = []
    for text in _texts(provider, type):
        for mark, value in marks.items():
            text = text.replace(mark, value)
        pieces.append([piece.encode() for piece in text.split(_SERIAL)])
    return pieces


@lru_cache
def _texts(provider: str, type: str) -> list[str]:
    make = _MAKERS[provider, type]
    return [to_json(_with_oddities(make(position), position)) for position in range(PERIOD)]


def _with_oddities(item: dict[str, Any], position: int) -> dict[str, Any]:
    """Do to some items what the real service does to some."""
    if position % 23 == 5:
        item = {
            k: v for k, v in item.items() if k not in ("invoiceLineItemType", "billingProvider")
        }
    if position % 41 == 13:
        del item["attributes"]
    elif position % 29 == 7:
        item["attributes/objectType"] = item["attributes"]["objectType"]
    elif position % 31 == 9:
        item["attributes"] = {"objectType": "LineItemOfTheFuture"}
    if position % 37 == 11:
        item["carbonFootprint"] = {"unit": "kgCO2e", "scopes": [Raw("1.10"), 2, None, True]}
    return item


_NO_DATE = "0001-01-01T00:00:00"
_PARTNER = "3b33e682-7bd4-4e9a-8b2a-0d2bfb1d3f5c"
_ADDITIONAL_INFO = (
    '{  "ImageType": null,  "VMName": "web-\\u00e9\\"1\\"",  "VCPUs": 4,  "AHB": false}'
)
_TAGS = '{"cost center": "4711", "owner": "operations", "path": "C:\\\\temp"}'
_DISCOUNTS = (
    '[{"Key":"Billable Quantity","Value":"1.10"},{"Key":"Tier 1 Discount","Value":"100.0%"}]'
)
_CUSTOMERS: tuple[str, ...] = (
    "Contoso Ltd.",
    "주식회사 한빛소프트 서울지사",
    Raw('"Caf\\u00e9 Fabrikam \\/ Lyon"'),
    "Northwind\u2028Traders",
    'A. Datum {Corp}, [EU] \\ "quoted"',
    Raw('"Tailspin \\ud83d\\ude80 Toys\\t& Co"'),
    "Käse & Söhne KG \U0001f9c0",
)
_SERVICES = ("Virtual Machines", "가상 머신 라이선스", "Storage - 관리 디스크", "Bandwidth")


def _money(text: str, position: int) -> str:
    # Of three amounts one comes as a string.
    return text if position % 3 == 1 else Raw(text)


def _before_tax(position: int, *, tax: str = _TAX) -> str:
    return f"{Decimal(_charge(position)) - Decimal(tax):f}"


def _day(position: int, time: str = "T00:00:00") -> str:
    return f"{_MONTH}-{position % 28 + 1:02d}{time}"


def _guid(position: int) -> str:
    return f"{_SERIAL}-7b1c-4e5d-9f00-{position * 7919:012x}"


def _base(position: int) -> dict[str, Any]:
    return {
        "partnerId": _PARTNER,
        "customerId": f"a14e7c5b-33d2-4a2e-8f6e-{position % 17:012x}",
        "customerName": _CUSTOMERS[position % len(_CUSTOMERS)],
    }


def _office_billing(position: int) -> dict[str, Any]:
    """Make a LicenseBasedLineItem. It is the only class without an invoice number."""
    return _base(position) | {
        "mpnId": 4390934,
        "tier2MpnId": -1 if position % 2 else 4649221,
        "orderId": _guid(position),
        "subscriptionId": f"e1e3c4c2-88f3-4f64-a3d5-{position % 13:012x}",
        "subscriptionName": "Office 365 Enterprise E3",
        "subscriptionDescription": "Office 365 엔터프라이즈 E3" if position % 5 == 2 else "",
        "billingCycleType": "MONTHLY",
        "domainName": f"customer{position % 17}.onmicrosoft.com",
        "syndicationPartnerSubscriptionNumber": "",
        "offerId": "796b6b5f-613c-4e24-a17c-eba730d49c02",
        "durableOfferId": "796B6B5F-613C-4E24-A17C-EBA730D49C02",
        "offerName": "Office 365 Enterprise E3 (Nonprofit Staff Pricing)",
        "subscriptionStartDate": "2017-05-12T00:00:00",
        "subscriptionEndDate": _NO_DATE if position % 6 == 0 else "2099-05-12T00:00:00",
        "chargeStartDate": _day(0),
        "chargeEndDate": _day(27),
        "chargeType": ("Cycle fee", "Purchase fee", "Prorate fees when renew", "Cancel")[
            position % 4
        ],
        "unitPrice": _money(_charge(position + 1), position),
        "quantity": position % 9 + 1,
        "amount": _money(_before_tax(position), position + 1),
        "totalOtherDiscount": Raw("0.0"),
        "subtotal": _money(_before_tax(position), position + 2),
        "tax": _money(_TAX, position),
        "totalForCustomer": _money(_charge(position), position),
        "currency": _CURRENCY,
        "invoiceLineItemType": BILLING,
        "billingProvider": OFFICE,
        "attributes": {"objectType": "LicenseBasedLineItem"},
    }


def _azure_base(position: int) -> dict[str, Any]:
    service = _SERVICES[position % len(_SERVICES)]
    return {
        "partnerId": _PARTNER,
        "partnerName": "CONTOSO PARTNER INC",
        "partnerBillableAccountId": "1010578050",
        "customerId": f"a14e7c5b-33d2-4a2e-8f6e-{position % 17:012x}",
        "customerCompanyName": _CUSTOMERS[position % len(_CUSTOMERS)],
        "mpnId": 4390934,
        "tier2MpnId": 0 if position % 2 else -1,
        "invoiceNumber": _INVOICE,
        "domainName": f"customer{position % 17}.onmicrosoft.com",
        "billingCycleType": "MONTHLY",
        "subscriptionId": f"E1E3C4C2-88F3-4F64-A3D5-{position % 13:012X}",
        "subscriptionName": "Microsoft Azure",
        "subscriptionDescription": "Microsoft Azure (MS-AZR-0145P)",
        "orderId": _guid(position),
        "serviceName": service,
        "serviceType": f"{service} D2s v3",
        "resourceGuid": f"7d8cfb1e-5e7a-4b6e-a1fa-{position:012x}",
        "resourceName": ("컴퓨팅 시간", "데이터 전송(GB)", "Standard IO - Page Blob")[position % 3],
        "region": ("", "KR Central", "All Regions")[position % 3],
        "consumedQuantity": _money(_charge(position + 3), position),
        "chargeStartDate": _day(position, "T00:00:00Z"),
        "chargeEndDate": _day(27, "T00:00:00Z" if position % 2 else "T00:00:00"),
        "unit": ("시간", "1 GB/Month", "10,000s")[position % 3],
    }


def _azure_billing(position: int) -> dict[str, Any]:
    """Make a UsageBasedLineItem."""
    return _azure_base(position) | {
        "billingProvider": AZURE,
        "invoiceLineItemType": BILLING,
        "detailLineItemId": 1,
        "sku": "7UD-00001",
        "includedQuantity": Raw("0.0"),
        "overageQuantity": _money(_charge(position + 3), position),
        "listPrice": _money("0.0209496384791679", position),
        "consumptionPrice": _money(_before_tax(position), position + 1),
        "consumptionDiscount": Raw("0"),
        "currency": _CURRENCY,
        "pretaxCharges": _money(_before_tax(position), position),
        "taxAmount": _money(_TAX, position),
        "postTaxTotal": _money(_charge(position), position),
        "pretaxEffectiveRate": Raw("0.1999968000511991808131"),
        "postTaxEffectiveRate": Raw("0.1999968000511991808132"),
        "chargeType": "Assess usage fee for current cycle",
        "attributes": {"objectType": "UsageBasedLineItem"},
    }


def _azure_usage(position: int) -> dict[str, Any]:
    """Make a DailyUsageLineItem, which has no price."""
    return _azure_base(position) | {
        "billingProvider": AZURE,
        "invoiceLineItemType": USAGE,
        "customerBillableAccount": "1280018095",
        "usageDate": _day(position, "T00:00:00Z"),
        "meteredService": "Microsoft.Compute",
        "meteredServiceType": "Standard_D2s_v3",
        "meteredRegion": "koreacentral",
        "project": "" if position % 2 else f"프로젝트-{position % 7}",
        "serviceInfo": _ADDITIONAL_INFO if position % 3 else "",
        "attributes": {"objectType": "DailyUsageLineItem"},
    }


def _one_time_billing(position: int) -> dict[str, Any]:
    """Make a OneTimeInvoiceLineItem."""
    return _base(position) | {
        "customerId": f"{'org:' if position % 5 == 3 else ''}a14e7c5b-33d2-{position % 17:04x}",
        "customerDomainName": f"customer{position % 17}.onmicrosoft.com",
        "customerCountry": "KR",
        "invoiceNumber": _INVOICE,
        "mpnId": "4390934",
        "resellerMpnId": (0, "0", "4649221")[position % 3],
        "orderId": _guid(position),
        "orderDate": _day(position, "T18:24:40.1767993Z"),
        "productId": "CFQ7TTC0LF8S",
        "skuId": f"{position % 20:04d}",
        "availabilityId": "CFQ7TTC0K971",
        "productName": "Exchange Online (Plan 1)",
        "skuName": _SERVICES[position % len(_SERVICES)],
        "productQualifiers": ["AddOn", "Trial"] if position % 8 == 1 else [],
        "chargeType": ("New", "renew", "addQuantity", "cancelImmediate", "customerCredit")[
            position % 5
        ],
        "unitPrice": _money(_charge(position + 1), position),
        "effectiveUnitPrice": _money("0.1999968000511991808131", position),
        "unitType": "",
        "quantity": (1, "2", 3, Raw("1.0"))[position % 4],
        "subtotal": _money(_before_tax(position), position + 1),
        "taxTotal": _money(_TAX, position + 2),
        "totalForCustomer": _money(_charge(position), position),
        "currency": _CURRENCY,
        "publisherName": "Microsoft Corporation",
        "publisherId": "",
        "subscriptionDescription": "Exchange Online (플랜 1)",
        "subscriptionId": f"e1e3c4c2-88f3-4f64-a3d5-{position % 13:012x}",
        "subscriptionStartDate": _day(0, "T00:00:00Z"),
        "subscriptionEndDate": _NO_DATE if position % 6 == 0 else "2099-01-01T00:00:00Z",
        "chargeStartDate": _day(position, "T09:22:40.1767993-08:00"),
        "chargeEndDate": _day(27, "T00:00:00Z"),
        "termAndBillingCycle": "1 Year commitment for yearly/monthly billing",
        "alternateId": "d1a2f4b8c9e0",
        "referenceId": "d1a2f4b8c9e0",
        "priceAdjustmentDescription": _DISCOUNTS if position % 4 else "",
        "discountDetails": "",
        "pricingCurrency": "USD",
        "pcToBCExchangeRate": _money("1.000000000000000", position),
        "pcToBCExchangeRateDate": _NO_DATE if position % 2 else _day(0, "T00:00:00"),
        "billableQuantity": Raw("3.1618"),
        "meterDescription": "",
        "billingFrequency": "monthly",
        "reservationOrderId": "",
        "creditReasonCode": "",
        "promotionId": "39NFJQT1PKPC:0002:39NFJQT1Q5KK",
        "invoiceLineItemType": BILLING,
        "billingProvider": ONE_TIME,
        "attributes": {"objectType": "OneTimeInvoiceLineItem"},
    }


def _one_time_usage(position: int) -> dict[str, Any]:
    """Make a DailyRatedUsageLineItem, whose provider is not the one that was asked for."""
    type_key = "invoiceLineItemTypce" if position % 47 == 3 else "invoiceLineItemType"
    return {
        "partnerId": _PARTNER,
        "partnerName": "Contoso Partner Inc.",
        "customerId": f"a14e7c5b-33d2-4a2e-8f6e-{position % 17:012x}",
        "customerName": _CUSTOMERS[position % len(_CUSTOMERS)],
        "customerDomainName": f"customer{position % 17}.onmicrosoft.com",
        "customerCountry": "KR",
        "mpnId": "4390934",
        "resellerMpnId": "0" if position % 2 else "",
        "invoiceNumber": _INVOICE,
        "productId": "DZH318Z0BQ4B",
        "skuId": f"{position % 20:04d}",
        "availabilityId": "DZH318Z0BP6X",
        "skuName": "Azure 플랜",
        "productName": "Azure plan",
        "publisherName": "Microsoft",
        "publisherId": "",
        "subscriptionId": f"e1e3c4c2-88f3-4f64-a3d5-{position % 13:012x}",
        "subscriptionDescription": "Azure plan",
        "chargeStartDate": _day(0, "T00:00:00Z"),
        "chargeEndDate": _day(27, "T00:00:00Z"),
        "usageDate": _day(position, "T00:00:00Z"),
        "meterType": "1 Hour",
        "meterCategory": "Virtual Machines",
        "meterId": _guid(position),
        "meterSubCategory": "Dsv3 Series",
        "meterName": "D2s v3",
        "meterRegion": "KR Central",
        "unitOfMeasure": "1 Hour",
        "resourceLocation": "KRCENTRAL",
        "consumedService": "Microsoft.Compute",
        "resourceGroup": f"RG-{position % 11}",
        "resourceUri": f"/subscriptions/{position % 13}/resourceGroups/RG-{position % 11}",
        "chargeType": "New" if position % 2 else "",
        "unitPrice": _money("0.0209496384791679", position),
        "quantity": _money(_charge(position + 5), position),
        "unitType": "1 Hour",
        "billingPreTaxTotal": _money(_charge(position), position),
        "billingCurrency": _CURRENCY,
        "pricingPreTaxTotal": _money(_before_tax(position), position + 1),
        "pricingCurrency": "USD",
        "serviceInfo1": "",
        "serviceInfo2": "",
        "tags": _TAGS if position % 3 else "",
        "additionalInfo": _ADDITIONAL_INFO if position % 4 else "",
        "effectiveUnitPrice": _money("0.1999968000511991808131", position),
        "pcToBCExchangeRate": Raw("1"),
        "pcToBCExchangeRateDate": _day(0, "T00:00:00Z"),
        "entitlementId": f"66bada28-271e-4b7a-aaf5-{position % 5:012x}",
        "entitlementDescription": "Azure subscription",
        "rateOfPartnerEarnedCredit": Raw("0.15"),
        "rateOfCredit": Raw("1.00") if position % 2 else None,
        "hasPartnerEarnedCredit": position % 2 == 1,
        "creditType": ("Credit Not Applied", "Partner Earned Credit Applied")[position % 2],
        "benefitOrderId": "",
        "benefitId": "",
        "benefitType": "SavingsPlan" if position % 9 == 0 else "Charge",
        type_key: USAGE,
        "billingProvider": "marketplace",
        "attributes": {"objectType": "DailyRatedUsageLineItem"},
    }


_MAKERS: dict[tuple[str, str], Callable[[int], dict[str, Any]]] = {
    (OFFICE, BILLING): _office_billing,
    (AZURE, BILLING): _azure_billing,
    (AZURE, USAGE): _azure_usage,
    (ONE_TIME, BILLING): _one_time_billing,
    (ONE_TIME, USAGE): _one_time_usage,
}


# --- worlds ---------------------------------------------------------------------------------------


def legacy(
    id: str, invoice_date: date, *, office: int, azure: int, usage: int, **fields: Any
) -> Invoice:
    """Make a legacy invoice with these numbers of lines."""
    details = (
        Detail(OFFICE, BILLING, office),
        Detail(AZURE, BILLING, azure),
        Detail(AZURE, USAGE, usage),
    )
    return Invoice(id, RECURRING, invoice_date, details, **fields)


def new_commerce(
    id: str, invoice_date: date, *, billing: int, usage: int, **fields: Any
) -> Invoice:
    """Make a new-commerce invoice with these numbers of lines."""
    details = (Detail(ONE_TIME, BILLING, billing), Detail(ONE_TIME, USAGE, usage))
    return Invoice(id, NEW_COMMERCE, invoice_date, details, **fields)


def voided(invoice: Invoice, *, line_count: int = 3) -> Invoice:
    """Void an invoice: its own type changes, and the correction comes nested in it."""
    correction = Invoice(
        f"{invoice.id[0]}V{invoice.id[2:]}",
        invoice.kind,
        invoice.invoice_date,
        (Detail((invoice.details or ())[0].provider, BILLING, line_count),),
        invoice.currency,
        document_type="adjustment_note",
        amends=invoice.id,
    )
    return replace(invoice, document_type="void_note", state="void", amendments=(correction,))


def small_world() -> list[Invoice]:
    """Give the invoices of a demo: few enough to look at, and every case that matters."""
    january, february = date(2024, 1, 8), date(2024, 2, 8)
    return [
        legacy(
            *("D0500033K3", january),
            office=4500,
            azure=2000,
            usage=4500,
            paid_amount=Decimal(-1000),
        ),
        legacy("D0500034A7", february, office=3, azure=1, usage=0, adjustment=Decimal("-12.34")),
        new_commerce("G000024130", january, billing=4500, usage=2001),
        new_commerce("G000024135", february, billing=2000, usage=5, currency="EUR"),
        voided(new_commerce("G000024140", february, billing=12, usage=1)),
        Invoice("D0500035B1", RECURRING, february, None, adjustment=Decimal("5.00")),
        new_commerce("G000024145", february, billing=1, usage=0, has_billing_period=False),
    ]


def large_world(line_count: int = 1_000_000) -> list[Invoice]:
    """Give one invoice of either kind, with this many lines for each detail."""
    day, lines = date(2024, 3, 8), line_count
    return [
        legacy("D0600000L1", day, office=lines, azure=lines, usage=lines),
        new_commerce("G000060001", day, billing=lines, usage=lines),
    ]


def history(
    years: int, *, per_month: int = 2, line_count: int = 10, kinds: tuple[str, ...] = ("D", "G")
) -> list[Invoice]:
    """Give years of invoices, `per_month` each month, of the legacy (D) and the new (G) kind in turn.

    A legacy one has three details, a new one two.
    """
    months = (date(2019 + month // 12, month % 12 + 1, 8) for month in range(12 * years))
    days = (day for day in months for _ in range(per_month))
    n = line_count
    return [
        legacy(f"D{number:09d}", day, office=n, azure=n, usage=n)
        if kinds[number % len(kinds)] == "D"
        else new_commerce(f"G{number:09d}", day, billing=n, usage=n)
        for number, day in enumerate(days)
    ]


WORLDS: dict[str, Callable[[], list[Invoice]]] = {
    "small": small_world,
    "large": large_world,
    "history": lambda: history(10, per_month=17),
}
