"""Makers of a row: what one line of each kind looks like, by its position in a period."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from local.simulated.model import AZURE, BILLING, OFFICE, ONE_TIME, USAGE, Raw

PERIOD = 200
# One row in each period is the row before it again, byte by byte: both are billed.
TWIN = 7
# Marks in a template, from Unicode's private use area: they can't be in real text.
SERIAL, INVOICE, CURRENCY, MONTH = "\ue000", "\ue001", "\ue002", "\ue003"

# A tax on each line makes the subtotals sum up to something else than the totals.
TAX = "1.10"
_ODD_CHARGES = (
    *("23.0", "0.1999968000511991808131", "1.10", "16", "-16.50", "0.0000"),
    *("0.0209496384791679", "99999.99", "7.000", "0.737586206896552"),
)


def charge(position: int) -> str:
    """Spell the charge of the line at this position."""
    if position % 4 == 0:
        return _ODD_CHARGES[position // 4 % len(_ODD_CHARGES)]
    return f"{position * 37 % 1000}.{position * 7919 % 10000:04d}"


def with_oddities(item: dict[str, Any], position: int) -> dict[str, Any]:
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
PARTNER = "3b33e682-7bd4-4e9a-8b2a-0d2bfb1d3f5c"
_ADDITIONAL_INFO = (
    '{  "ImageType": null,  "VMName": "web-\\u00e9\\"1\\"",  "VCPUs": 4,  "AHB": false}'
)
_TAGS = '{"cost center": "4711", "owner": "operations", "path": "C:\\\\temp"}'
_DISCOUNTS = (
    '[{"Key":"Billable Quantity","Value":"1.10"},{"Key":"Tier 1 Discount","Value":"100.0%"}]'
)
CUSTOMERS: tuple[str, ...] = (
    "Contoso Ltd.",
    "주식회사 한빛소프트 서울지사",
    Raw('"Caf\\u00e9 Fabrikam \\/ Lyon"'),
    "Northwind\u2028Traders",
    'A. Datum {Corp}, [EU] \\ "quoted"',
    Raw('"Tailspin \\ud83d\\ude80 Toys\\t& Co"'),
    "Käse & Söhne KG \U0001f9c0",
)


def customer_name(position: int) -> str:
    """Give the name of the customer that a line is for; there are 17."""
    return CUSTOMERS[position % 17 % len(CUSTOMERS)]


_SERVICES = ("Virtual Machines", "가상 머신 라이선스", "Storage - 관리 디스크", "Bandwidth")


def _money(text: str, position: int) -> str:
    # Of three amounts one comes as a string.
    return text if position % 3 == 1 else Raw(text)


def before_tax(position: int, *, tax: str = TAX) -> str:
    """Spell what of the charge at this position is not tax."""
    return f"{Decimal(charge(position)) - Decimal(tax):f}"


def day(position: int, time: str = "T00:00:00") -> str:
    """Make a day of the billing period."""
    return f"{MONTH}-{position % 28 + 1:02d}{time}"


def guid(position: int) -> str:
    """Make an id that the serial number makes unique."""
    return f"{SERIAL}-7b1c-4e5d-9f00-{position * 7919:012x}"


def _base(position: int) -> dict[str, Any]:
    return {
        "partnerId": PARTNER,
        "customerId": f"a14e7c5b-33d2-4a2e-8f6e-{position % 17:012x}",
        "customerName": customer_name(position),
    }


def _office_billing(position: int) -> dict[str, Any]:
    """Make a LicenseBasedLineItem. It is the only class without an invoice number."""
    return _base(position) | {
        "mpnId": 4390934,
        "tier2MpnId": -1 if position % 2 else 4649221,
        "orderId": guid(position),
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
        "chargeStartDate": day(0),
        "chargeEndDate": day(27),
        "chargeType": ("Cycle fee", "Purchase fee", "Prorate fees when renew", "Cancel")[
            position % 4
        ],
        "unitPrice": _money(charge(position + 1), position),
        "quantity": position % 9 + 1,
        "amount": _money(before_tax(position), position + 1),
        "totalOtherDiscount": Raw("0.0"),
        "subtotal": _money(before_tax(position), position + 2),
        "tax": _money(TAX, position),
        "totalForCustomer": _money(charge(position), position),
        "currency": CURRENCY,
        "invoiceLineItemType": BILLING,
        "billingProvider": OFFICE,
        "attributes": {"objectType": "LicenseBasedLineItem"},
    }


def _azure_base(position: int) -> dict[str, Any]:
    service = _SERVICES[position % len(_SERVICES)]
    return {
        "partnerId": PARTNER,
        "partnerName": "CONTOSO PARTNER INC",
        "partnerBillableAccountId": "1010578050",
        "customerId": f"a14e7c5b-33d2-4a2e-8f6e-{position % 17:012x}",
        "customerCompanyName": customer_name(position),
        "mpnId": 4390934,
        "tier2MpnId": 0 if position % 2 else -1,
        "invoiceNumber": INVOICE,
        "domainName": f"customer{position % 17}.onmicrosoft.com",
        "billingCycleType": "MONTHLY",
        "subscriptionId": f"E1E3C4C2-88F3-4F64-A3D5-{position % 13:012X}",
        "subscriptionName": "Microsoft Azure",
        "subscriptionDescription": "Microsoft Azure (MS-AZR-0145P)",
        "orderId": guid(position),
        "serviceName": service,
        "serviceType": f"{service} D2s v3",
        "resourceGuid": f"7d8cfb1e-5e7a-4b6e-a1fa-{position:012x}",
        "resourceName": ("컴퓨팅 시간", "데이터 전송(GB)", "Standard IO - Page Blob")[position % 3],
        "region": ("", "KR Central", "All Regions")[position % 3],
        "consumedQuantity": _money(charge(position + 3), position),
        "chargeStartDate": day(position, "T00:00:00Z"),
        "chargeEndDate": day(27, "T00:00:00Z" if position % 2 else "T00:00:00"),
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
        "overageQuantity": _money(charge(position + 3), position),
        "listPrice": _money("0.0209496384791679", position),
        "consumptionPrice": _money(before_tax(position), position + 1),
        "consumptionDiscount": Raw("0"),
        "currency": CURRENCY,
        "pretaxCharges": _money(before_tax(position), position),
        "taxAmount": _money(TAX, position),
        "postTaxTotal": _money(charge(position), position),
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
        "usageDate": day(position, "T00:00:00Z"),
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
        "invoiceNumber": INVOICE,
        "mpnId": "4390934",
        "resellerMpnId": (0, "0", "4649221")[position % 3],
        "orderId": guid(position),
        "orderDate": day(position, "T18:24:40.1767993Z"),
        "productId": "CFQ7TTC0LF8S",
        "skuId": f"{position % 20:04d}",
        "availabilityId": "CFQ7TTC0K971",
        "productName": "Exchange Online (Plan 1)",
        "skuName": _SERVICES[position % len(_SERVICES)],
        "productQualifiers": ["AddOn", "Trial"] if position % 8 == 1 else [],
        "chargeType": ("New", "renew", "addQuantity", "cancelImmediate", "customerCredit")[
            position % 5
        ],
        "unitPrice": _money(charge(position + 1), position),
        "effectiveUnitPrice": _money("0.1999968000511991808131", position),
        "unitType": "",
        "quantity": (1, "2", 3, Raw("1.0"))[position % 4],
        "subtotal": _money(before_tax(position), position + 1),
        "taxTotal": _money(TAX, position + 2),
        "totalForCustomer": _money(charge(position), position),
        "currency": CURRENCY,
        "publisherName": "Microsoft Corporation",
        "publisherId": "",
        "subscriptionDescription": "Exchange Online (플랜 1)",
        "subscriptionId": f"e1e3c4c2-88f3-4f64-a3d5-{position % 13:012x}",
        "subscriptionStartDate": day(0, "T00:00:00Z"),
        "subscriptionEndDate": _NO_DATE if position % 6 == 0 else "2099-01-01T00:00:00Z",
        "chargeStartDate": day(position, "T09:22:40.1767993-08:00"),
        "chargeEndDate": day(27, "T00:00:00Z"),
        "termAndBillingCycle": "1 Year commitment for yearly/monthly billing",
        "alternateId": "d1a2f4b8c9e0",
        "referenceId": "d1a2f4b8c9e0",
        "priceAdjustmentDescription": _DISCOUNTS if position % 4 else "",
        "discountDetails": "",
        "pricingCurrency": "USD",
        "pcToBCExchangeRate": _money("1.000000000000000", position),
        "pcToBCExchangeRateDate": _NO_DATE if position % 2 else day(0, "T00:00:00"),
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
        "partnerId": PARTNER,
        "partnerName": "Contoso Partner Inc.",
        "customerId": f"a14e7c5b-33d2-4a2e-8f6e-{position % 17:012x}",
        "customerName": customer_name(position),
        "customerDomainName": f"customer{position % 17}.onmicrosoft.com",
        "customerCountry": "KR",
        "mpnId": "4390934",
        "resellerMpnId": "0" if position % 2 else "",
        "invoiceNumber": INVOICE,
        "productId": "DZH318Z0BQ4B",
        "skuId": f"{position % 20:04d}",
        "availabilityId": "DZH318Z0BP6X",
        "skuName": "Azure 플랜",
        "productName": "Azure plan",
        "publisherName": "Microsoft",
        "publisherId": "",
        "subscriptionId": f"e1e3c4c2-88f3-4f64-a3d5-{position % 13:012x}",
        "subscriptionDescription": "Azure plan",
        "chargeStartDate": day(0, "T00:00:00Z"),
        "chargeEndDate": day(27, "T00:00:00Z"),
        "usageDate": day(position, "T00:00:00Z"),
        "meterType": "1 Hour",
        "meterCategory": "Virtual Machines",
        "meterId": guid(position),
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
        "quantity": _money(charge(position + 5), position),
        "unitType": "1 Hour",
        "billingPreTaxTotal": _money(charge(position), position),
        "billingCurrency": CURRENCY,
        "pricingPreTaxTotal": _money(before_tax(position), position + 1),
        "pricingCurrency": "USD",
        "serviceInfo1": "",
        "serviceInfo2": "",
        "tags": _TAGS if position % 3 else "",
        "additionalInfo": _ADDITIONAL_INFO if position % 4 else "",
        "effectiveUnitPrice": _money("0.1999968000511991808131", position),
        "pcToBCExchangeRate": Raw("1"),
        "pcToBCExchangeRateDate": day(0, "T00:00:00Z"),
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


MAKERS: dict[tuple[str, str], Callable[[int], dict[str, Any]]] = {
    (OFFICE, BILLING): _office_billing,
    (AZURE, BILLING): _azure_billing,
    (AZURE, USAGE): _azure_usage,
    (ONE_TIME, BILLING): _one_time_billing,
    (ONE_TIME, USAGE): _one_time_usage,
}
