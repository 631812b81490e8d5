"""The five kinds of line items of Partner Center v1, as in the API article *Invoice resources*.

Amounts are in the line's currency. Where the article and recorded answers differ, both names are
accepted.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import AliasChoices, Field

from shared.models.resource import Amount, ApiDate, Resource, Text


class LineItem(Resource):
    """What every line has. There is no id of a line: two equal lines can both be real."""

    charge_field: ClassVar[str | None] = None
    """The field that holds a line's charge, as JSON spells it; None where a line has no price."""
    tax_field: ClassVar[str | None] = None
    """The field that holds the tax in that charge; None where there is none, as in usage."""

    partner_id: Text = None
    customer_id: Text = None
    mpn_id: Text = None
    charge_type: Text = None
    charge_start_date: ApiDate = None
    charge_end_date: ApiDate = None
    subscription_id: Text = None
    subscription_description: Text = None


class PartnerCenterLineItem(LineItem):
    """What every line of Partner Center v1 has; these two say less than the blob's name."""

    invoice_line_item_type: Text = None
    billing_provider: Text = None


class LicenseBasedLineItem(PartnerCenterLineItem):
    """A licence on a legacy invoice: office, billing_line_items."""

    charge_field = "totalForCustomer"
    tax_field = "tax"

    customer_name: Text = None
    tier2_mpn_id: Text = Field(None, alias="tier2MpnId")
    order_id: Text = None
    subscription_name: Text = None
    billing_cycle_type: Text = None
    domain_name: Text = None
    syndication_partner_subscription_number: Text = None
    offer_id: Text = None
    durable_offer_id: Text = None
    offer_name: Text = None
    subscription_start_date: ApiDate = None
    subscription_end_date: ApiDate = None
    unit_price: Amount = None
    quantity: Amount = None
    amount: Amount = None
    total_other_discount: Amount = None
    subtotal: Amount = None
    tax: Amount = None
    total_for_customer: Amount = None
    currency: Text = None


class LegacyAzureLineItem(PartnerCenterLineItem):
    """What both kinds of lines of a legacy Azure subscription (MS-AZR-0145P) have."""

    partner_name: Text = None
    partner_billable_account_id: Text = None
    customer_company_name: Text = Field(
        None, validation_alias=AliasChoices("customerCompanyName", "customerName")
    )
    tier2_mpn_id: Text = Field(None, alias="tier2MpnId")
    invoice_number: Text = None
    domain_name: Text = None
    billing_cycle_type: Text = None
    subscription_name: Text = None
    order_id: Text = None
    service_name: Text = None
    service_type: Text = None
    resource_guid: Text = None
    resource_name: Text = None
    region: Text = None
    consumed_quantity: Amount = None
    unit: Text = None


class UsageBasedLineItem(LegacyAzureLineItem):
    """A charge for legacy Azure usage: azure, billing_line_items.

    `detail_line_item_id` tells the tiers of one meter apart; it is no key.
    """

    charge_field = "postTaxTotal"
    tax_field = "taxAmount"

    detail_line_item_id: Text = None
    sku: Text = None
    included_quantity: Amount = None
    overage_quantity: Amount = None
    list_price: Amount = None
    consumption_price: Amount = None
    consumption_discount: Amount = None
    currency: Text = None
    pretax_charges: Amount = Field(
        None, validation_alias=AliasChoices("pretaxCharges", "preTaxCharges")
    )
    tax_amount: Amount = None
    post_tax_total: Amount = None
    pretax_effective_rate: Amount = Field(
        None, validation_alias=AliasChoices("pretaxEffectiveRate", "preTaxEffectiveRate")
    )
    post_tax_effective_rate: Amount = None


class DailyUsageLineItem(LegacyAzureLineItem):
    """A day's legacy Azure usage: azure, usage_line_items. It has no price."""

    customer_billable_account: Text = None
    usage_date: ApiDate = None
    metered_service: Text = None
    metered_service_type: Text = None
    metered_region: Text = None
    project: Text = None
    service_info: Text = None


class NewCommerceLineItem(PartnerCenterLineItem):
    """What both kinds of new-commerce lines have."""

    customer_name: Text = None
    customer_domain_name: Text = None
    customer_country: Text = None
    invoice_number: Text = None
    reseller_mpn_id: Text = None
    product_id: Text = None
    sku_id: Text = None
    availability_id: Text = None
    product_name: Text = None
    sku_name: Text = None
    publisher_name: Text = None
    publisher_id: Text = None
    unit_type: Text = None
    unit_price: Amount = None
    effective_unit_price: Amount = None
    quantity: Amount = None
    pricing_currency: Text = None
    pc_to_bc_exchange_rate: Amount = Field(None, alias="pcToBCExchangeRate")
    pc_to_bc_exchange_rate_date: ApiDate = Field(None, alias="pcToBCExchangeRateDate")


class OneTimeInvoiceLineItem(NewCommerceLineItem):
    """A new-commerce charge: one_time, billing_line_items.

    `price_adjustment_description` is a JSON array inside a string.
    """

    charge_field = "totalForCustomer"
    tax_field = "taxTotal"

    order_id: Text = None
    order_date: ApiDate = None
    product_qualifiers: list[str] | None = None
    subtotal: Amount = None
    tax_total: Amount = None
    total_for_customer: Amount = None
    currency: Text = None
    subscription_start_date: ApiDate = None
    subscription_end_date: ApiDate = None
    term_and_billing_cycle: Text = None
    alternate_id: Text = None
    reference_id: Text = None
    price_adjustment_description: Text = None
    discount_details: Text = None
    billable_quantity: Amount = None
    meter_description: Text = None
    billing_frequency: Text = None
    reservation_order_id: Text = None
    credit_reason_code: Text = None
    promotion_id: Text = None
    provider_name: Text = None
    provider_id: Text = None
    quote_id: Text = None


class DailyRatedUsageLineItem(NewCommerceLineItem):
    """A day's new-commerce usage: one_time, usage_line_items.

    `billing_provider` says `marketplace`; `tags` and `additional_info` are JSON inside strings, or
    empty; rates are ratios (0.15 is 15 %).
    """

    charge_field = "billingPreTaxTotal"

    partner_name: Text = None
    usage_date: ApiDate = None
    meter_type: Text = None
    meter_category: Text = None
    meter_id: Text = None
    meter_sub_category: Text = None
    meter_name: Text = None
    meter_region: Text = None
    unit_of_measure: Text = None
    resource_location: Text = None
    consumed_service: Text = None
    resource_group: Text = None
    resource_uri: Text = None
    tags: Text = None
    additional_info: Text = None
    service_info1: Text = None
    service_info2: Text = None
    billing_pre_tax_total: Amount = None
    billing_currency: Text = None
    pricing_pre_tax_total: Amount = None
    entitlement_id: Text = None
    entitlement_description: Text = None
    rate_of_partner_earned_credit: Amount = None
    rate_of_credit: Amount = None
    has_partner_earned_credit: bool | None = None
    credit_type: Text = None
    benefit_order_id: Text = None
    benefit_id: Text = None
    benefit_type: Text = None
