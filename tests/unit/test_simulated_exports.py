"""The rows of the simulated export: known in advance, like v1's, and of the same charges."""

import gzip
import io
import json
import re
import zlib
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

import pytest

from local.simulated.data_sets import DataSet
from local.simulated.export_files import FileShape, write_file
from local.simulated.exports import export_jsonl, export_lines, export_total, has_azure_plan
from local.simulated.invoices import current_world, large_world, new_commerce, small_world
from local.simulated.lines import jsonl, total, total_charges
from local.simulated.model import BILLING, ONE_TIME, RECURRING, USAGE, Invoice
from local.simulated.rows import PERIOD, TWIN

DAY = date(2026, 11, 8)
NEW = new_commerce("G000000001", DAY, billing=3 * PERIOD, usage=3 * PERIOD)
TYPES = [BILLING, USAGE]
AMOUNTS = {BILLING: "Total", USAGE: "BillingPreTaxTotal"}
COLUMNS = {
    BILLING: [
        "PartnerId",
        "CustomerId",
        "CustomerName",
        "CustomerDomainName",
        "CustomerCountry",
        "InvoiceNumber",
        "MpnId",
        "Tier2MpnId",
        "OrderId",
        "OrderDate",
        "ProductId",
        "SkuId",
        "AvailabilityId",
        "SkuName",
        "ProductName",
        "ChargeType",
        "UnitPrice",
        "Quantity",
        "Subtotal",
        "TaxTotal",
        "Total",
        "Currency",
        "PriceAdjustmentDescription",
        "PublisherName",
        "PublisherId",
        "SubscriptionDescription",
        "SubscriptionId",
        "ChargeStartDate",
        "ChargeEndDate",
        "TermAndBillingCycle",
        "EffectiveUnitPrice",
        "UnitType",
        "AlternateId",
        "BillableQuantity",
        "BillingFrequency",
        "PricingCurrency",
        "PCToBCExchangeRate",
        "PCToBCExchangeRateDate",
        "MeterDescription",
        "ReservationOrderId",
        "CreditReasonCode",
        "SubscriptionStartDate",
        "SubscriptionEndDate",
        "ReferenceId",
        "ProductQualifiers",
        "PromotionId",
        "ProductCategory",
    ],
    USAGE: [
        "PartnerId",
        "PartnerName",
        "CustomerId",
        "CustomerName",
        "CustomerDomainName",
        "CustomerCountry",
        "MpnId",
        "Tier2MpnId",
        "InvoiceNumber",
        "ProductId",
        "SkuId",
        "AvailabilityId",
        "SkuName",
        "ProductName",
        "PublisherName",
        "PublisherId",
        "SubscriptionDescription",
        "SubscriptionId",
        "ChargeStartDate",
        "ChargeEndDate",
        "UsageDate",
        "MeterType",
        "MeterCategory",
        "MeterId",
        "MeterSubCategory",
        "MeterName",
        "MeterRegion",
        "Unit",
        "ResourceLocation",
        "ConsumedService",
        "ResourceGroup",
        "ResourceURI",
        "ChargeType",
        "UnitPrice",
        "Quantity",
        "UnitType",
        "BillingPreTaxTotal",
        "BillingCurrency",
        "PricingPreTaxTotal",
        "PricingCurrency",
        "ServiceInfo1",
        "ServiceInfo2",
        "Tags",
        "AdditionalInfo",
        "EffectiveUnitPrice",
        "PCToBCExchangeRate",
        "PCToBCExchangeRateDate",
        "EntitlementId",
        "EntitlementDescription",
        "PartnerEarnedCreditPercentage",
        "CreditPercentage",
        "CreditType",
        "BenefitOrderID",
        "BenefitID",
        "BenefitType",
    ],
}
SHAPE = FileShape(1, False, True, False, False, False)


def parsed(invoice: Invoice, type: str) -> list[dict[str, Any]]:
    return [json.loads(row, parse_float=Decimal) for row in export_jsonl(invoice, type)]


def added_up(rows: list[dict[str, Any]], column: str) -> Decimal:
    with localcontext(prec=100):
        return sum((Decimal(row[column]) for row in rows), Decimal(0))


def text(invoice: Invoice, type: str) -> bytes:
    return b"".join(export_jsonl(invoice, type))


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", TYPES)
def test_a_row_has_the_columns_of_the_documentation_in_its_order(type: str) -> None:
    """Most rows have all columns, some lack what has no value, and none has another one."""
    rows = [list(row) for row in parsed(NEW, type)]
    assert rows.count(COLUMNS[type]) > len(rows) // 2
    assert all([name for name in COLUMNS[type] if name in row] == row for row in rows)
    assert any(len(row) < len(COLUMNS[type]) for row in rows)


@pytest.mark.parametrize("type", TYPES)
def test_a_row_is_one_line(type: str) -> None:
    """Only a newline ends a row, although other line ends are in its texts as they are."""
    content = text(NEW, type)
    assert content.count(b"\n") == 3 * PERIOD
    assert b"\r" not in content
    assert len(content.decode().splitlines()) > 3 * PERIOD


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize(
    "oddity",
    ["\u2028", "\u0085", '"1.10"', ":1.10E+0", ":1.10", "E-4", ":1.0000001000000000001", "null"],
)
def test_each_type_has_the_oddities_of_all(type: str, oddity: str) -> None:
    """Within a period are line ends in texts, amounts in each spelling, long ones, and nulls."""
    assert oddity.encode() in b"".join(export_lines(NEW, type, 0, PERIOD))


@pytest.mark.parametrize(
    ("type", "oddity"),
    [
        (BILLING, '"ProductQualifiers":[]'),
        (BILLING, '"ProductQualifiers":["Add-on","Trial"]'),
        (BILLING, r'"PriceAdjustmentDescription":"[\"15.0% Partner Earned Credit'),
        (BILLING, ', 6dd5d0397aaa"'),
        (USAGE, r'"Tags":"{\"cost center\":\"4711\"'),
        (USAGE, r'"AdditionalInfo":"{\"ServiceType\":'),
        (USAGE, '"UsageDate":"2026-10-17"'),
        (USAGE, '"BenefitType":"Reservation"'),
    ],
)
def test_some_types_have_oddities_of_their_own(type: str, oddity: str) -> None:
    """Arrays, JSON in strings, several orders in one and a date without a time are there."""
    assert oddity.encode() in b"".join(export_lines(NEW, type, 0, PERIOD))


@pytest.mark.parametrize("type", TYPES)
def test_only_twins_are_equal(type: str) -> None:
    """One row of each period is the row before it again; all others differ."""
    rows = list(export_jsonl(NEW, type))
    twins = [index for index in range(1, len(rows)) if rows[index] == rows[index - 1]]
    assert twins == [TWIN, TWIN + PERIOD, TWIN + 2 * PERIOD]
    assert len(set(rows)) == len(rows) - len(twins)


def test_one_row_in_each_period_has_long_tags() -> None:
    """Two kilobytes in each period, and a hundred more where the invoice says so."""
    usual = Counter(len(row["Tags"]) > 2_000 for row in parsed(NEW, USAGE) if row.get("Tags"))
    large = replace(NEW, large_tags=True)
    longest = sorted(len(row) for row in export_lines(large, USAGE, 0, PERIOD))[-2:]
    assert usual[True] == 3
    assert longest[0] < 10_000
    assert longest[1] > 64 << 10


@pytest.mark.parametrize("usage", [0, 1])
def test_an_azure_plan_is_billed_where_there_is_usage(usage: int) -> None:
    """An invoice with usage has rows of an Azure plan, one without has none."""
    invoice = new_commerce("G000000002", DAY, billing=40, usage=usage)
    plans = {row["SkuName"] == "Azure plan" for row in parsed(invoice, BILLING)}
    categories = {row["ProductCategory"] for row in parsed(invoice, BILLING)}
    assert has_azure_plan(invoice) is (True in plans) is ("Azure" in categories) is bool(usage)


def test_another_revision_has_other_rows() -> None:
    """A corrected invoice has other rows, in another order."""
    assert text(NEW, USAGE) != text(replace(NEW, revision=1), USAGE)


# --- sums -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("count", [0, 1, TWIN, TWIN + 1, PERIOD, PERIOD + TWIN + 2, 2500])
def test_an_invoice_adds_up_from_either_source(type: str, count: int) -> None:
    """Added up exactly, the export's rows come to what v1's come to."""
    invoice = new_commerce("G000000003", DAY, billing=count, usage=count)
    rows = parsed(invoice, type)
    v1 = [json.loads(row, parse_float=Decimal) for row in jsonl(invoice, ONE_TIME, type)]
    name = {BILLING: "totalForCustomer", USAGE: "billingPreTaxTotal"}[type]
    assert len(rows) == count
    assert export_total(invoice, type) == added_up(rows, AMOUNTS[type]) == added_up(v1, name)


def test_what_an_invoice_lacks_adds_up_to_nothing() -> None:
    """An invoice without a detail has no rows of it."""
    invoice = Invoice("G000000004", "OneTime", DAY, ())
    assert (export_total(invoice, USAGE), text(invoice, USAGE)) == (Decimal(0), b"")


def test_a_difference_is_on_no_row() -> None:
    """What an invoice was adjusted by is missing from the sum of its rows."""
    invoice = replace(NEW, adjustment=Decimal("-12.34"))
    assert total_charges(invoice) - export_total(invoice, BILLING) == Decimal("-12.34")


def test_usage_is_another_view_that_does_not_add_up_to_billing() -> None:
    """Who adds usage to billing, or takes one for the other, gets a wrong sum."""
    assert export_total(NEW, USAGE) != export_total(NEW, BILLING)


# --- data sets ------------------------------------------------------------------------------------


def test_a_data_set_is_named_as_recorded() -> None:
    """Folder, file names, id and eTag have the form of the recorded ones."""
    data_set = DataSet(NEW, USAGE)
    assert re.fullmatch(
        r"/billedusagefastpath/v1/PartnerTenantId=[0-9a-f-]{36}/BillingMonth=202610"
        r"/InvoiceId=G000000001/InvoiceVersion=20261108\d{4}/Fragment=full/PartitionType=default",
        data_set.folder,
    )
    (file,) = data_set.files
    assert re.fullmatch(r"part-00\d{3}-[0-9a-f-]{36}\.c000\.json\.gz", file.name)
    assert re.fullmatch(r"[0-9A-Za-z]{17}", data_set.etag)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{21}", data_set.id)


@pytest.mark.parametrize(
    "changed",
    [
        DataSet(replace(NEW, revision=1), USAGE),
        DataSet(new_commerce(NEW.id, DAY, billing=3 * PERIOD, usage=3 * PERIOD + 1), USAGE),
        DataSet(NEW, USAGE, 2),
        DataSet(NEW, BILLING),
    ],
)
def test_other_rows_or_files_are_another_data_set(changed: DataSet) -> None:
    """Id, eTag, folder and names all change with the rows."""
    before = DataSet(NEW, USAGE)
    for name in ("id", "etag", "folder", "files", "digest"):
        assert getattr(before, name) != getattr(changed, name)


def test_what_changes_no_row_changes_no_data_set() -> None:
    """An invoice that was paid is exported as before."""
    paid = DataSet(replace(NEW, paid_amount=Decimal(5), state="paid"), USAGE)
    now = DataSet(NEW, USAGE)
    assert (paid.id, paid.etag, paid.folder) == (now.id, now.etag, now.folder)
    assert [file.name for file in paid.files] == [file.name for file in now.files]


@pytest.mark.parametrize("files", [2, 3, 7, 50])
def test_part_numbers_have_gaps_and_no_order(files: int) -> None:
    """Files sorted by name are out of order, and no number comes twice."""
    for count in (0, 1, 450):
        invoice = new_commerce("G000000005", DAY, billing=count, usage=0)
        parts = DataSet(invoice, BILLING, files).files
        names = [part.name for part in parts]
        assert len(set(names)) == files
        assert sorted(names) != names
        assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
        assert sum(part.stop - part.start for part in parts) == count


def test_the_billing_period_is_the_month_before() -> None:
    """In January it is December's."""
    invoice = new_commerce("G000000006", date(2024, 1, 8), billing=1, usage=1)
    assert invoice.billing_period == date(2023, 12, 1)


# --- files ----------------------------------------------------------------------------------------


def written(file: Any, shape: FileShape) -> bytes:
    target = io.BytesIO()
    write_file(file, shape, target)
    return target.getvalue()


@pytest.mark.parametrize("files", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 2, PERIOD, 450])
@pytest.mark.parametrize("members", [1, 2, 5])
def test_files_have_the_rows_in_order(files: int, count: int, members: int) -> None:
    """However many files and members there are, the rows of all are those of the export."""
    invoice = new_commerce("G000000007", DAY, billing=count, usage=0)
    parts = DataSet(invoice, BILLING, files).files
    zipped = [written(part, SHAPE._replace(members=members)) for part in parts]
    assert b"".join(map(gzip.decompress, zipped)) == text(invoice, BILLING)
    assert [_members(content) for content in zipped] == [members] * files


def _members(content: bytes) -> int:
    count = 0
    while content:
        unzip = zlib.decompressobj(wbits=31)
        unzip.decompress(content)
        content, count = unzip.unused_data, count + 1
    return count


def test_a_member_ends_in_the_middle_of_a_row() -> None:
    """Who unzips only the first member has half a row at its end."""
    (file,) = DataSet(NEW, USAGE).files
    unzip = zlib.decompressobj(wbits=31)
    first = unzip.decompress(written(file, SHAPE._replace(members=2)))
    assert unzip.eof
    assert not first.endswith(b"\n")


def test_a_file_may_have_what_nobody_has_told_of() -> None:
    """Marks, blank lines, carriage returns, no last newline and no gzip are switches."""
    invoice = new_commerce("G000000008", DAY, billing=3, usage=0)
    (file,) = DataSet(invoice, BILLING).files
    plain, rows = SHAPE._replace(plain=True), export_lines(invoice, BILLING, 0, 3)
    assert written(file, plain) == b"".join(row + b"\n" for row in rows)
    assert written(file, plain._replace(final_newline=False)) == b"\n".join(rows)
    assert written(file, plain._replace(blank_lines=True)) == b"\n\n".join(rows) + b"\n\n"
    assert written(file, plain._replace(carriage_returns=True)) == b"\r\n".join(rows) + b"\r\n"
    marked = written(file, plain._replace(byte_order_mark=True))
    assert marked == b"\xef\xbb\xbf" + text(invoice, BILLING)


def test_the_same_rows_are_the_same_bytes() -> None:
    """A file that is written again is equal: no time stands in it."""
    (file,) = DataSet(NEW, USAGE).files
    assert written(file, SHAPE) == written(file, SHAPE)


def test_a_large_file_is_written_piece_by_piece() -> None:
    """What a file is written from is as small for a million rows as for a thousand."""
    invoice = large_world(20_000)[1]
    (file,) = DataSet(invoice, BILLING).files
    sizes: list[int] = []

    class Target(io.BytesIO):
        def write(self, content: Any, /) -> int:
            sizes.append(len(content))
            return 0

    write_file(file, SHAPE._replace(plain=True), Target())
    assert sum(sizes) > 20 << 20
    assert max(sizes) < 1 << 20


# --- worlds ---------------------------------------------------------------------------------------


def test_the_current_world_has_both_sources() -> None:
    """A legacy invoice, several of new commerce with usage, and one older than the export."""
    world = current_world()
    assert len({invoice.id for invoice in world}) == len(world)
    assert {RECURRING, "OneTime"} == {invoice.kind for invoice in world}
    assert any(i.billing_period < date(2024, 2, 1) for i in world if i.id.startswith("G"))
    assert sum(has_azure_plan(invoice) for invoice in world) > 2
    assert not {i.id for i in world} & {i.id for i in small_world()}


def test_the_total_of_a_million_rows_is_known() -> None:
    """The sum of a large export takes no rendering."""
    invoice = large_world()[1]
    assert export_total(invoice, BILLING) == total(invoice, ONE_TIME, BILLING)
