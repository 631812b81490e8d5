"""The two kinds of line items of Microsoft Graph's billing export.

Source: Graph's article *attributeSet*, the set `full`; where others have recorded another spelling of
a name, both are accepted, in any case. Amounts are decimals; money is in the currency that the column
beside it names. Columns without a value are left out, or empty.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_pascal

from shared.models.line_items import LineItem
from shared.models.resource import Amount, ApiDate, Text


class ExportLineItem(LineItem):
    """What both kinds have; names are in PascalCase, and are read in any case."""

    model_config = ConfigDict(alias_generator=to_pascal)

    customer_name: Text = None
    customer_domain_name: Text = None
    customer_country: Text = None
    invoice_number: Text = None
    tier2_mpn_id: Text = Field(None, alias="Tier2MpnId")
    product_id: Text = None
    sku_id: Text = None
    availability_id: Text = None
    sku_name: Text = None
    product_name: Text = None
    publisher_name: Text = None
    publisher_id: Text = None
    unit_price: Amount = None
    effective_unit_price: Amount = None
    quantity: Amount = None
    unit_type: Text = None
    pricing_currency: Text = None
    pc_to_bc_exchange_rate: Amount = Field(None, alias="PCToBCExchangeRate")
    pc_to_bc_exchange_rate_date: ApiDate = Field(None, alias="PCToBCExchangeRateDate")

    @model_validator(mode="before")
    @classmethod
    def _in_any_case(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        names = _names(cls)
        return {names.get(name.lower(), name): value for name, value in row.items()}


@cache
def _names(kind: type[ExportLineItem]) -> dict[str, str]:
    """The names of a row's columns by their lower case."""
    names = (field.alias or name for name, field in kind.model_fields.items())
    return {name.lower(): name for name in names}


class BilledReconciliationLineItem(ExportLineItem):
    """A new-commerce charge: one_time, billing_line_items.

    `subtotal`, `tax_total` and `total` are in `currency`; prices are in `pricing_currency`.
    `price_adjustment_description` is a JSON array inside a string.
    """

    charge_field = "Total"
    tax_field = "TaxTotal"

    order_id: Text = None
    order_date: ApiDate = None
    subtotal: Amount = None
    tax_total: Amount = None
    total: Amount = None
    currency: Text = None
    price_adjustment_description: Text = None
    term_and_billing_cycle: Text = None
    alternate_id: Text = None
    billable_quantity: Amount = None
    billing_frequency: Text = None
    meter_description: Text = None
    reservation_order_id: Text = None
    credit_reason_code: Text = None
    subscription_start_date: ApiDate = None
    subscription_end_date: ApiDate = None
    reference_id: Text = None
    product_qualifiers: list[str] | Text = None
    promotion_id: Text = None
    product_category: Text = None


class BilledUsageLineItem(ExportLineItem):
    """A day's new-commerce usage: one_time, usage_line_items.

    It has no tax and no total after it; `tags` and `additional_info` are JSON inside strings, or
    empty; percentages are whole (15 is 15 %).
    """

    charge_field = "BillingPreTaxTotal"

    partner_name: Text = None
    usage_date: ApiDate = None
    meter_type: Text = None
    meter_category: Text = None
    meter_id: Text = None
    meter_sub_category: Text = None
    meter_name: Text = None
    meter_region: Text = None
    unit: Text = None
    resource_location: Text = None
    consumed_service: Text = None
    resource_group: Text = None
    resource_uri: Text = Field(None, alias="ResourceURI")
    billing_pre_tax_total: Amount = None
    billing_currency: Text = None
    pricing_pre_tax_total: Amount = None
    service_info1: Text = Field(None, alias="ServiceInfo1")
    service_info2: Text = Field(None, alias="ServiceInfo2")
    tags: Text = None
    additional_info: Text = None
    entitlement_id: Text = None
    entitlement_description: Text = None
    partner_earned_credit_percentage: Amount = None
    credit_percentage: Amount = None
    credit_type: Text = None
    benefit_order_id: Text = Field(None, alias="BenefitOrderId")
    benefit_id: Text = Field(None, alias="BenefitId")
    benefit_type: Text = None
