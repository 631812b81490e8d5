"""Makers of an exported row: what a line of new commerce looks like in Graph's billing export.

Of the same charges as the rows of v1, so that an invoice adds up from either source.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from local.simulated.model import Raw
from local.simulated.rows import (
    CURRENCY,
    INVOICE,
    PARTNER,
    TAX,
    before_tax,
    charge,
    customer_name,
    day,
    guid,
)

# Where in a period the rows with long texts are.
_LONG_TAGS, _LARGE_TAGS = 11, 17

# Next line and line separator end no line, however some readers split.
_SUITE = "Productivity\u0085Suite\u2028Premium"
_RATE = "1.0000001000000000001"
_CREDIT = '["15.0% Partner Earned Credit for Services Managed"]'
_VM_INFO = '{"ServiceType":"D2s v5","VCPUs":2,"Image":"C:\\\\base \\"2\\" é"}'
_RESOURCE = (
    "/subscriptions/{0}/resourceGroups/rg-{1}/providers/Microsoft.Compute/virtualMachines/vm{1}"
)


def amount(text: str, position: int) -> str:
    """Spell an amount: of nine one is a string, another has an exponent; the rest are numbers."""
    match position % 9:
        case 4:
            return text
        case 7:
            return Raw(f"{Decimal(text):E}")
        case _:
            return Raw(text)


def with_gaps(row: dict[str, Any], position: int) -> dict[str, Any]:
    """Take some of what has no value away, as a writer does that drops nulls; some nulls stay."""
    if position % 5 == 2:
        return {name: value for name, value in row.items() if value != ""}
    if position % 19 == 4:
        return {name: None if value == "" else value for name, value in row.items()}
    return row


def billing_row(position: int, *, azure: bool) -> dict[str, Any]:
    """Make a row of the reconciliation: a licence or, with `azure`, at times an Azure plan's month.

    Its columns are those of the attribute set full, in the documentation's order.
    """
    own = _azure_plan(position) if azure and position % 4 == 1 else _licence(position)
    row = {
        "PartnerId": PARTNER,
        "CustomerId": _customer(position),
        "CustomerName": customer_name(position),
        "CustomerDomainName": f"customer{position % 17}.onmicrosoft.com",
        "CustomerCountry": "KR",
        "InvoiceNumber": INVOICE,
        "MpnId": "4390934",
        "Tier2MpnId": ("0", "4649221", "")[position % 3],
        "OrderId": guid(position) + (", 6dd5d0397aaa" if position % 13 == 3 else ""),
        "OrderDate": day(position, "T07:11:09.2210000Z"),
        "ProductId": own["ProductId"],
        "SkuId": f"{position % 20:04d}",
        "AvailabilityId": "CFQ7TTC0K971",
        "SkuName": own["SkuName"],
        "ProductName": own["ProductName"],
        "ChargeType": own["ChargeType"],
        "UnitPrice": amount(charge(position + 1), position + 1),
        "Quantity": Raw(position % 9 + 1),
        "Subtotal": amount(before_tax(position), position + 2),
        "TaxTotal": amount(TAX, position + 3),
        "Total": amount(charge(position), position),
        "Currency": CURRENCY,
        "PriceAdjustmentDescription": own["PriceAdjustmentDescription"],
        "PublisherName": "Microsoft Corporation",
        "PublisherId": "",
        "SubscriptionDescription": own["SkuName"],
        "SubscriptionId": _subscription(position),
        "ChargeStartDate": day(position, "T00:00:00Z"),
        "ChargeEndDate": day(27, "T00:00:00.000Z" if position % 2 else "T00:00:00Z"),
        "TermAndBillingCycle": own["TermAndBillingCycle"],
        "EffectiveUnitPrice": amount("0.0001999968000511991808131", position + 4),
        "UnitType": own["UnitType"],
        "AlternateId": "d1a2f4b8c9e0",
        "BillableQuantity": amount("3.1618", position + 5),
        "BillingFrequency": own["BillingFrequency"],
        "PricingCurrency": "USD",
        "PCToBCExchangeRate": amount(_RATE, position + 6),
        "PCToBCExchangeRateDate": day(0, "T00:00:00Z"),
        "MeterDescription": own["MeterDescription"],
        "ReservationOrderId": "",
        "CreditReasonCode": "Customer request" if position % 5 == 3 else "",
        "SubscriptionStartDate": day(0, "T00:00:00Z"),
        "SubscriptionEndDate": "2099-01-01T00:00:00Z",
        "ReferenceId": "d1a2f4b8c9e0",
        "ProductQualifiers": ["Add-on", "Trial"] if position % 8 == 1 else [],
        "PromotionId": "39NFJQT1PKPC:0002:39NFJQT1Q5KK" if position % 7 == 1 else "",
        "ProductCategory": own["ProductCategory"],
    }
    return with_gaps(row, position)


def _licence(position: int) -> dict[str, str]:
    charge_types = (
        "new",
        "renew",
        "cycleCharge",
        "addQuantity",
        "removeQuantity",
        "cancelImmediate",
    )
    return {
        "ProductId": "CFQ7TTC0LF8S",
        "SkuName": _SUITE if position % 10 == 6 else "Productivity Suite Premium",
        "ProductName": "생산성 제품군" if position % 5 == 0 else "Productivity Suite Premium",
        "ChargeType": charge_types[position % len(charge_types)],
        "PriceAdjustmentDescription": "[]",
        "TermAndBillingCycle": "One-Year commitment for monthly/yearly billing",
        "UnitType": "Licenses",
        "BillingFrequency": "Monthly",
        "MeterDescription": "",
        "ProductCategory": "Office",
    }


def _azure_plan(position: int) -> dict[str, str]:
    return {
        "ProductId": "DZH318Z0BQ4B",
        "SkuName": "Azure plan",
        "ProductName": ("Tables", "Virtual Machines Dsv5 Series")[position % 2],
        "ChargeType": "new",
        "PriceAdjustmentDescription": _CREDIT,
        "TermAndBillingCycle": "",
        "UnitType": "1 GB/Month",
        "BillingFrequency": "",
        "MeterDescription": "Tables - LRS Data Stored (GB/Month)",
        "ProductCategory": "Azure",
    }


def usage_row(position: int, *, large_tags: bool) -> dict[str, Any]:
    """Make a row of rated usage: an Azure plan's meter of a day.

    Its columns are those of the attribute set full, in the documentation's order, and the date of
    the exchange rate, which is missing there.
    """
    reserved = position % 9 == 0
    row = {
        "PartnerId": PARTNER,
        "PartnerName": "Contoso Partner Inc.",
        "CustomerId": _customer(position),
        "CustomerName": customer_name(position),
        "CustomerDomainName": f"customer{position % 17}.onmicrosoft.com",
        "CustomerCountry": "KR",
        "MpnId": "4390934",
        "Tier2MpnId": ("0", "4649221", "")[position % 3],
        "InvoiceNumber": INVOICE,
        "ProductId": "DZH318Z0BQ4B",
        "SkuId": f"{position % 20:04d}",
        "AvailabilityId": "DZH318Z0BP6X",
        "SkuName": "Azure plan",
        "ProductName": "Azure 플랜" if position % 5 == 0 else "Azure plan",
        "PublisherName": "Microsoft",
        "PublisherId": "",
        "SubscriptionDescription": _SUITE if position % 10 == 6 else "Subscription",
        "SubscriptionId": _subscription(position),
        "ChargeStartDate": day(0, "T00:00:00Z"),
        "ChargeEndDate": day(27, "T00:00:00Z"),
        "UsageDate": day(position, ""),
        "MeterType": "1 Hour - Virtual Machines - D2s v5",
        "MeterCategory": "Virtual Machines",
        "MeterId": guid(position),
        "MeterSubCategory": "Dsv5 Series",
        "MeterName": "D2s v5",
        "MeterRegion": "KR Central",
        "Unit": "1 Hour",
        "ResourceLocation": "koreacentral",
        "ConsumedService": "Microsoft.Compute",
        "ResourceGroup": f"rg-{position % 11}",
        "ResourceURI": _RESOURCE.format(_subscription(position), position % 11),
        "ChargeType": "new",
        "UnitPrice": amount("0.0209496384791679", position + 1),
        "Quantity": amount(charge(position + 5), position + 2),
        "UnitType": "1 Hour",
        "BillingPreTaxTotal": amount(charge(position), position),
        "BillingCurrency": CURRENCY,
        "PricingPreTaxTotal": amount(before_tax(position), position + 3),
        "PricingCurrency": "USD",
        "ServiceInfo1": "",
        "ServiceInfo2": "",
        "Tags": _tags(position, large=large_tags),
        "AdditionalInfo": _VM_INFO if position % 4 else "",
        "EffectiveUnitPrice": amount("0.00001999968000511991808131", position + 4),
        "PCToBCExchangeRate": amount(_RATE, position + 5),
        "PCToBCExchangeRateDate": day(0, "T00:00:00Z"),
        "EntitlementId": f"66bada28-271e-4b7a-aaf5-{position % 5:012x}",
        "EntitlementDescription": "Azure subscription 1",
        "PartnerEarnedCreditPercentage": Raw(15),
        "CreditPercentage": Raw(100),
        "CreditType": "Partner Earned Credit",
        "BenefitOrderID": "f5f5f5f5-0001-4000-8000-000000000041" if reserved else "",
        "BenefitID": "",
        "BenefitType": "Reservation" if reserved else "Charge",
    }
    return with_gaps(row, position)


def _customer(position: int) -> str:
    return f"a14e7c5b-33d2-4a2e-8f6e-{position % 17:012x}"


def _subscription(position: int) -> str:
    return f"e1e3c4c2-88f3-4f64-a3d5-{position % 13:012x}"


def _tags(position: int, *, large: bool) -> str:
    if position == _LONG_TAGS:
        return _tags_of(2_000)
    if large and position == _LARGE_TAGS:
        return _tags_of(100_000)
    return '{"cost center":"4711","path":"C:\\\\temp"}' if position % 3 else ""


def _tags_of(size: int) -> str:
    """Make JSON text of at least this size."""
    return json.dumps({f"tag {n:05d}": f'value "{n}"' for n in range(size // 28 + 1)})
