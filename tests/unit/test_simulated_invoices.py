"""The simulated invoices: every line is known in advance, and so is what they sum up to."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

import pytest

from local.simulated.invoices import (
    history,
    invoice_json,
    large_world,
    legacy,
    new_commerce,
    small_world,
    voided,
)
from local.simulated.lines import jsonl, line, line_total, lines, pieces, total, total_charges
from local.simulated.model import AZURE, BILLING, OFFICE, ONE_TIME, USAGE, Detail, Invoice
from local.simulated.rows import PERIOD, TWIN

KINDS = [
    (OFFICE, BILLING),
    (AZURE, BILLING),
    (AZURE, USAGE),
    (ONE_TIME, BILLING),
    (ONE_TIME, USAGE),
]
CHARGES = {
    (OFFICE, BILLING): "totalForCustomer",
    (AZURE, BILLING): "postTaxTotal",
    (ONE_TIME, BILLING): "totalForCustomer",
    (ONE_TIME, USAGE): "billingPreTaxTotal",
}
DAY = date(2024, 2, 8)

AZURE_BASE = """partnerId partnerName partnerBillableAccountId customerId customerCompanyName mpnId
    tier2MpnId invoiceNumber domainName billingCycleType subscriptionId subscriptionName
    subscriptionDescription orderId serviceName serviceType resourceGuid resourceName region
    consumedQuantity chargeStartDate chargeEndDate unit billingProvider invoiceLineItemType attributes
"""
FIELDS = {
    "LicenseBasedLineItem": """partnerId customerId customerName mpnId tier2MpnId orderId
        subscriptionId subscriptionName subscriptionDescription billingCycleType domainName
        syndicationPartnerSubscriptionNumber offerId durableOfferId offerName subscriptionStartDate
        subscriptionEndDate chargeStartDate chargeEndDate chargeType unitPrice quantity amount
        totalOtherDiscount subtotal tax totalForCustomer currency invoiceLineItemType
        billingProvider attributes""",
    "UsageBasedLineItem": AZURE_BASE
    + """detailLineItemId sku includedQuantity overageQuantity listPrice consumptionPrice
        consumptionDiscount currency pretaxCharges taxAmount postTaxTotal pretaxEffectiveRate
        postTaxEffectiveRate chargeType""",
    "DailyUsageLineItem": AZURE_BASE
    + """customerBillableAccount usageDate meteredService meteredServiceType meteredRegion project
        serviceInfo""",
    "OneTimeInvoiceLineItem": """partnerId customerId customerName customerDomainName
        customerCountry invoiceNumber mpnId resellerMpnId orderId orderDate productId skuId
        availabilityId productName skuName productQualifiers chargeType unitPrice effectiveUnitPrice
        subtotal taxTotal totalForCustomer unitType quantity currency publisherName publisherId
        subscriptionDescription subscriptionId subscriptionStartDate subscriptionEndDate
        chargeStartDate chargeEndDate termAndBillingCycle alternateId referenceId
        priceAdjustmentDescription discountDetails pricingCurrency pcToBCExchangeRate
        pcToBCExchangeRateDate billableQuantity meterDescription billingFrequency
        reservationOrderId creditReasonCode promotionId invoiceLineItemType billingProvider
        attributes""",
    "DailyRatedUsageLineItem": """partnerId partnerName customerId customerName customerDomainName
        customerCountry invoiceNumber productId skuId availabilityId skuName productName
        publisherName publisherId subscriptionId subscriptionDescription meterType meterCategory
        meterId meterSubCategory meterName meterRegion unitOfMeasure resourceLocation
        consumedService resourceGroup resourceUri unitType serviceInfo1 serviceInfo2
        chargeStartDate chargeEndDate usageDate tags additionalInfo mpnId resellerMpnId chargeType
        unitPrice quantity billingPreTaxTotal pricingPreTaxTotal billingCurrency pricingCurrency
        entitlementId entitlementDescription pcToBCExchangeRate pcToBCExchangeRateDate
        effectiveUnitPrice rateOfPartnerEarnedCredit rateOfCredit hasPartnerEarnedCredit creditType
        benefitOrderId benefitId benefitType invoiceLineItemType billingProvider attributes""",
}


def invoice_of(provider: str, type: str, count: int, **fields: Any) -> Invoice:
    return Invoice("X000000001", "OneTime", DAY, (Detail(provider, type, count),), **fields)


def parse(text: bytes | str) -> Any:
    return json.loads(text, parse_float=Decimal)


def parsed_lines(invoice: Invoice, provider: str, type: str) -> list[Any]:
    return [parse(text) for text in jsonl(invoice, provider, type)]


def parsed_sum(items: list[Any], field: str) -> Decimal:
    with localcontext(prec=100):
        return sum((Decimal(item[field]) for item in items), Decimal(0))


@pytest.mark.parametrize(("provider", "type"), KINDS)
def test_every_line_is_one_compact_line_of_json(provider: str, type: str) -> None:
    """A line parses, has no line break, and has no whitespace between its tokens."""
    texts = lines(invoice_of(provider, type, PERIOD), provider, type, 0, PERIOD)
    assert all(isinstance(parse(text), dict) for text in texts)
    assert not any(b"\n" in text or b"\r" in text for text in texts)
    assert not any(
        b'": ' in text.replace(b'\\"', b"") or b', "' in text.replace(b'\\"', b"") for text in texts
    )


@pytest.mark.parametrize(("provider", "type"), KINDS)
def test_a_line_has_every_field_of_its_class(provider: str, type: str) -> None:
    """The usual line has the documented fields of its class, and no others."""
    items = parsed_lines(invoice_of(provider, type, PERIOD), provider, type)
    named = [item for item in items if item.get("attributes", {}).get("objectType") in FIELDS]
    fields = FIELDS[named[0]["attributes"]["objectType"]].split()
    usual = [item for item in named if item.keys() == set(fields)]
    assert len(usual) > PERIOD * 3 // 4


@pytest.mark.parametrize(("provider", "type"), KINDS)
@pytest.mark.parametrize(
    "oddity",
    [
        b'"1.10"',
        b":1.10,",
        b":0.1999968000511991808131",
        b":-16.50",
        b'"-16.50"',
        "한빛".encode(),
        "\u2028".encode(),
        rb"\u00e9",
        rb"\/",
        rb"\ud83d\ude80",
        "\U0001f9c0".encode(),
        b'{Corp}, [EU] \\\\ \\"quoted\\"',
        b'"attributes/objectType":',
        b'"objectType":"LineItemOfTheFuture"',
        b'"carbonFootprint":{',
        b':""',
    ],
)
def test_each_class_has_the_oddities_of_all(provider: str, type: str, oddity: bytes) -> None:
    """Within a period each class of lines shows each oddity of spelling at least once."""
    if (provider, type) == (AZURE, USAGE) and b"1.10" in oddity:
        oddity = oddity.replace(b"1.10", b"23.0")
    assert oddity in b"\n".join(jsonl(invoice_of(provider, type, PERIOD), provider, type))


@pytest.mark.parametrize(
    ("provider", "type", "oddity"),
    [
        (OFFICE, BILLING, b'"0001-01-01T00:00:00"'),
        (OFFICE, BILLING, b'"tier2MpnId":-1'),
        (ONE_TIME, BILLING, b'.1767993-08:00"'),
        (ONE_TIME, BILLING, b'"customerId":"org:'),
        (ONE_TIME, BILLING, rb'"priceAdjustmentDescription":"[{\"Key\"'),
        (ONE_TIME, USAGE, b'"billingProvider":"marketplace"'),
        (ONE_TIME, USAGE, b'"invoiceLineItemTypce"'),
        (ONE_TIME, USAGE, b'"tags":""'),
    ],
)
def test_some_classes_have_oddities_of_their_own(provider: str, type: str, oddity: bytes) -> None:
    """Sentinel dates, offsets, JSON in strings and a provider nobody asked for are there."""
    assert oddity in b"\n".join(jsonl(invoice_of(provider, type, PERIOD), provider, type))


@pytest.mark.parametrize(("provider", "type"), KINDS)
def test_some_lines_lack_their_discriminators(provider: str, type: str) -> None:
    """Some lines have no provider, some no attributes."""
    items = parsed_lines(invoice_of(provider, type, PERIOD), provider, type)
    assert any("billingProvider" not in item for item in items)
    assert any("attributes" not in item for item in items)


@pytest.mark.parametrize(("provider", "type"), KINDS)
def test_only_twins_are_equal(provider: str, type: str) -> None:
    """One line of each period is the line before it again; all others differ."""
    texts = list(jsonl(invoice_of(provider, type, 3 * PERIOD), provider, type))
    twins = [index for index in range(1, len(texts)) if texts[index] == texts[index - 1]]
    assert twins == [TWIN, TWIN + PERIOD, TWIN + 2 * PERIOD]
    assert len(set(texts)) == len(texts) - len(twins)


def test_a_line_depends_on_its_place_alone() -> None:
    """A line asked for by itself is the line of the whole."""
    invoice = invoice_of(ONE_TIME, BILLING, 450)
    texts = list(jsonl(invoice, ONE_TIME, BILLING))
    assert [line(invoice, ONE_TIME, BILLING, i) + b"\n" for i in range(450)] == texts


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (3, 4), (5, 450)])
def test_the_pieces_of_a_page_are_its_lines(start: int, stop: int) -> None:
    """Joined, the pieces are the lines with commas between them."""
    page = invoice_of(ONE_TIME, USAGE, 450), ONE_TIME, USAGE, start, stop
    assert b"".join(pieces(*page)) == b",".join(lines(*page))


def test_another_revision_has_other_lines() -> None:
    """A corrected invoice differs from what it was in its lines and in their sum."""
    invoice = invoice_of(ONE_TIME, BILLING, 30)
    corrected = replace(invoice, revision=1)
    assert list(jsonl(invoice, ONE_TIME, BILLING)) != list(jsonl(corrected, ONE_TIME, BILLING))
    assert total_charges(invoice) != total_charges(corrected)


@pytest.mark.parametrize("count", [0, 1, TWIN, TWIN + 1, PERIOD, PERIOD + TWIN + 2, 4500])
@pytest.mark.parametrize(("provider", "type"), CHARGES)
def test_the_total_is_the_exact_sum_of_the_lines(provider: str, type: str, count: int) -> None:
    """What is known in advance is what one gets by adding up the parsed lines."""
    invoice = invoice_of(provider, type, count)
    items = parsed_lines(invoice, provider, type)
    assert len(items) == count
    assert total(invoice, provider, type) == parsed_sum(items, CHARGES[provider, type])


def test_usage_of_azure_has_no_total() -> None:
    """Lines without a charge sum up to nothing, which is not zero."""
    assert total(invoice_of(AZURE, USAGE, 5), AZURE, USAGE) is None


def test_a_total_of_lines_that_are_not_there_is_an_error() -> None:
    """Who asks for lines the invoice doesn't have is told so."""
    with pytest.raises(KeyError, match="azure"):
        total(invoice_of(OFFICE, BILLING, 5), AZURE, BILLING)


def test_the_total_of_a_million_lines_is_exact() -> None:
    """The total of five thousand periods is five thousand times the parsed sum of one."""
    invoice = large_world()[1]
    period = [parse(text) for text in lines(invoice, ONE_TIME, BILLING, 0, PERIOD)]
    with localcontext(prec=100):
        expected = 5000 * parsed_sum(period, "totalForCustomer")
    assert total(invoice, ONE_TIME, BILLING) == expected
    assert len(expected.as_tuple().digits) > 28  # more than Python's default context keeps


def test_subtotals_sum_up_to_something_else() -> None:
    """Who adds up the wrong field gets the wrong sum."""
    invoice = invoice_of(ONE_TIME, BILLING, 30)
    subtotals = parsed_sum(parsed_lines(invoice, ONE_TIME, BILLING), "subtotal")
    assert subtotals != total(invoice, ONE_TIME, BILLING)


def test_an_invoice_charges_its_billing_lines_and_its_adjustment() -> None:
    """Usage explains and does not add; the adjustment is on no line."""
    invoice = legacy("D000000001", DAY, office=3, azure=4, usage=5, adjustment=Decimal("-12.34"))
    office, azure = total(invoice, OFFICE, BILLING), total(invoice, AZURE, BILLING)
    assert office is not None
    assert azure is not None
    assert line_total(invoice) == office + azure
    assert parse(invoice_json(invoice))["totalCharges"] == office + azure - Decimal("12.34")


def test_an_invoice_is_spelled_as_it_was_recorded() -> None:
    """Names, order, prefixed relative links and decimals are those of a recorded response."""
    invoice = Invoice(
        "D0500000X1",
        "Recurring",
        date(2021, 1, 2),
        (Detail(AZURE, USAGE, 7),),
        adjustment=Decimal(23),
    )
    link = '"links":{"self":{"uri":"/invoices/Recurring-D0500000X1%s","method":"GET","headers":[]}}'
    assert invoice_json(invoice) == (
        '{"id":"D0500000X1","invoiceDate":"2021-01-02T22:40:37.5897767Z",'
        '"billingPeriodStartDate":"2020-12-01T00:00:00Z",'
        '"billingPeriodEndDate":"2020-12-31T00:00:00Z","totalCharges":23.0,"paidAmount":0.0,'
        '"currencyCode":"USD","currencySymbol":"$",'
        '"pdfDownloadLink":"/invoices/D0500000X1/documents/statement",'
        '"invoiceDetails":[{"invoiceLineItemType":"usage_line_items","billingProvider":"azure",'
        '"attributes":{"objectType":"InvoiceDetail"},'
        + link
        % "/lineitems/Azure/UsageLineItems"
        + "}],"
        '"documentType":"invoice","state":"","invoiceType":"Recurring",'
        '"attributes":{"objectType":"Invoice"},' + link % "" + "}"
    )


def test_a_voided_invoice_has_its_correction_nested_and_without_links() -> None:
    """The invoice's own type changes; the adjustment note has lines, but no link to them."""
    invoice = parse(invoice_json(voided(new_commerce("G000000001", DAY, billing=2, usage=1))))
    (note,) = invoice["amendments"]
    assert (invoice["documentType"], note["documentType"]) == ("void_note", "adjustment_note")
    assert note["amendsOf"] == invoice["id"]
    assert "links" in invoice
    assert not {"links", "pdfDownloadLink"} & note.keys()
    assert note["invoiceDetails"]
    assert all("links" not in detail for detail in note["invoiceDetails"])


def test_what_an_invoice_lacks_is_absent_but_its_details_are_null() -> None:
    """An invoice without details says null; one without a billing period says nothing of it."""
    invoice = parse(
        invoice_json(Invoice("D000000001", "Recurring", DAY, None, has_billing_period=False))
    )
    assert invoice["invoiceDetails"] is None
    assert not {"billingPeriodStartDate", "amendments", "amendsOf"} & invoice.keys()


def test_the_small_world_has_every_case_that_matters() -> None:
    """Full last pages, several pages, few lines, none, a void, a difference, null details."""
    world = small_world()
    counts = {detail.line_count for invoice in world for detail in invoice.details or ()}
    assert {4500, 2000, 1, 0} <= counts
    assert {invoice.kind for invoice in world} == {"Recurring", "OneTime"}
    assert any(invoice.amendments for invoice in world)
    assert any(invoice.details is None for invoice in world)
    assert any(total_charges(invoice) != line_total(invoice) for invoice in world)
    assert len({invoice.currency for invoice in world}) > 1


def test_a_history_is_as_long_as_asked() -> None:
    """Years of months of invoices, each with an id of its own, of both kinds or of one."""
    invoices = history(10, per_month=17)
    assert len({invoice.id for invoice in invoices}) == 2040
    assert {invoice.kind for invoice in invoices} == {"Recurring", "OneTime"}
    assert all(len(i.details or ()) == 3 for i in history(2, kinds=("D",)))
