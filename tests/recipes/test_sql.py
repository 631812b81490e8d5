"""The SQL recipes find what the manifests say, to the digit, in all the ways to run them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.amounts import subtract, total_of
from shared.models import UsageBasedLineItem
from tests.recipes.conftest import CHANGED, UNSETTLED
from tests.recipes.running import Refused, Row, by_command_line, by_package, from_storage, text
from tests.recipes.stored import Line, Stored, Totals

type Answer = Callable[[str], list[Row]]


@pytest.fixture(params=["command line", "package", "storage"])
def answer(request: pytest.FixtureRequest, stored: Stored, work: Path) -> Answer:
    """Give the last answer to some SQL, by each of the ways."""

    def ask(sql: str) -> list[Row]:
        match request.param:
            case "command line":
                return by_command_line(sql, work)
            case "package":
                return by_package(sql, work)
            case _:
                container = stored.app.container.container_name
                return from_storage(sql, work, stored.connection, container)

    return ask


def summed(rows: Iterable[Row], column: str = "total") -> Totals:
    """The sums of a column by month and currency."""
    found = defaultdict(list)
    for row in rows:
        found[row["billing_month"], row["currency"]].append(Decimal(row[column] or 0))
    return {key: total_of(amounts) for key, amounts in found.items()}


# --- the views ------------------------------------------------------------------------------------


def test_what_is_here_is_what_the_manifests_say(answer: Answer, stored: Stored) -> None:
    """Each blob has its number of lines, and they come to its total, whatever their source."""
    rows = answer(text("lines.sql", "check.sql"))
    entries = [entry for manifest in stored.manifests() for entry in manifest["lineItems"]]
    assert len(rows) == len(entries)
    assert {row["fits"].lower() for row in rows} == {"true"}
    for entry in entries:
        (row,) = [
            row
            for row in rows
            if "/".join((row["invoice_id"], row["billing_provider"], row["line_item_type"]))
            == entry["blob"].removesuffix(".jsonl")
        ]
        assert int(row["lines_here"]) == entry["lines"]
        assert (Decimal(row["total_here"]) if row["total_here"] else None) == entry["total"]
        assert row["source"] == entry["source"]


def test_a_line_that_is_missing_is_found(stored: Stored, tmp_path: Path) -> None:
    """An incomplete download does not fit, and stands first."""
    blob = "G098765432/one_time/billing_line_items.jsonl"
    for name in (blob, "G098765432/manifest.json", "G098765432/invoice.json"):
        target = tmp_path / "invoices" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((stored.folder / name).read_bytes())
    (tmp_path / "invoices" / blob).write_bytes(
        (stored.folder / blob).read_bytes().split(b"\n", 1)[1]
    )
    (row,) = by_package(text("lines.sql", "check.sql"), tmp_path)
    assert (row["line_count"], row["lines_here"], row["fits"]) == ("12", "11", "False")


def test_invoices_say_whether_they_are_final(work: Path, stored: Stored) -> None:
    """With all digits, the state, and what is on the invoice and on no line."""
    rows = by_package(text("lines.sql") + "from invoices", work)
    assert {row["invoice_id"]: row["state"] for row in rows} == {
        manifest["invoiceId"]: manifest["state"] for manifest in stored.manifests()
    }
    (unsettled,) = [row for row in rows if row["state"] != "settled"]
    assert (unsettled["invoice_id"], Decimal(unsettled["difference"])) == (
        UNSETTLED,
        Decimal("-12.34"),
    )
    assert unsettled["billing_month"] == "2026-10-01"


def test_columns_are_the_same_for_both_sources(work: Path) -> None:
    """Ids are text with their zeros, dates are dates, and each line has what its kind has."""
    rows = by_package(
        text("lines.sql")
        + """select source, billing_provider, typeof(any_value(sku_id)) as sku, bool_and(length(sku_id) = 4) as zeros,
            typeof(any_value(mpn_id)) as mpn, min(charge_start) as start, typeof(any_value(total)) as money,
            bool_and(customer_id is not null and customer_name is not null and product is not null and currency is not null) as named,
            bool_or(is_azure) as azure
        from lines where line_item_type = 'billing_line_items' and billing_month < date '2026-09-01' group by all order by all""",
        work,
    )
    expected = {
        ("graph", "one_time"): ("True", "2026-07-01", "True"),
        ("v1", "azure"): ("", "2026-08-01", "True"),
        ("v1", "office"): ("", "2026-08-01", "False"),
        ("v1", "one_time"): ("True", "2023-11-01", "False"),
    }
    assert {
        (row["source"], row["billing_provider"]): (row["zeros"], row["start"], row["azure"])
        for row in rows
    } == expected
    assert {(row["sku"], row["mpn"], row["money"], row["named"]) for row in rows} == {
        ("VARCHAR", "VARCHAR", "DECIMAL(38,22)", "True")
    }


ODD = [
    ('{"Total":1.9}', "1.9"),
    ('{"Total":"0.1999968000511991808131"}', "0.1999968000511991808131"),
    ('{"Total":-399.9936001023983747072}', "-399.9936001023983747072"),
    ('{"total" : 1.1999968000511991808131E+1}', "11.999968000511991808131"),
    ('{"Subtotal":1,"TaxTotal":2,"Text":"\\"Total\\":3,","Total":4}', "4"),
    ('{"Total":""}', None),
    ('{"Total":null,"n":1}', None),
    ('{"n":1}', None),
]


@pytest.mark.parametrize(("line", "amount"), ODD)
@pytest.mark.parametrize("ask", [by_command_line, by_package])
def test_amounts_are_read_digit_by_digit(
    ask: Callable[[str, Path], list[Row]], line: str, amount: str | None, work: Path
) -> None:
    """Numbers, strings and exponents, beside names that end alike."""
    sql = text("lines.sql") + f"select 1 as one, amount_of('{line}'::json, 'total') as amount"
    (row,) = ask(sql, work)
    assert (Decimal(row["amount"]) if row["amount"] else None) == (
        amount if amount is None else Decimal(amount)
    )


def test_columns_named_decimal_are_not_exact_before_duckdb_2(tmp_path: Path) -> None:
    """What the recipes warn of: 1.5.5 takes such a column through a double, 2.0 does not."""
    (tmp_path / "lines.jsonl").write_text('{"Total":1.9}\n')
    sql = "select * from read_json('lines.jsonl', columns = {Total: 'decimal(38, 22)'})"
    assert by_command_line(sql, tmp_path) == [{"Total": "1.8999999999999997902848"}]
    assert [Decimal(row["Total"]) for row in by_package(sql, tmp_path)] == [Decimal("1.9")]
    exact = "select (json->>'Total') as total from read_ndjson_objects('lines.jsonl')"
    (tmp_path / "lines.jsonl").write_text('{"Total":399.9936001023983747072}\n')
    assert by_package(exact, tmp_path) == [{"total": "399.9936001023984"}]


# --- the recipes ----------------------------------------------------------------------------------


def test_totals_per_customer_are_the_manifests(answer: Answer, stored: Stored) -> None:
    """By month and currency they sum up to the settled invoices, and each customer's are its lines'; voided ones are apart."""
    rows = answer(text("lines.sql", "totals-per-customer.sql"))
    assert summed(rows) == stored.totals()
    expected: defaultdict[tuple[str, ...], list[Line]] = defaultdict(list)
    for line in stored.lines():
        document = stored.invoice(line.manifest["invoiceId"]).document_type or ""
        key = (line.month.isoformat(), line.manifest["currencyCode"], document, line.customer)
        expected[key].append(line)
    names = ("billing_month", "currency", "document_type", "customer_id")
    assert Counter(tuple(row[name] for name in names) for row in rows) == Counter([*expected])
    assert {row["document_type"] for row in rows} == {"invoice", "void_note", "adjustment_note"}
    for row in rows:
        lines = expected[tuple(row[name] for name in names)]
        assert int(row["lines"]) == len(lines)
        assert Decimal(row["total"]) == total_of(line.charge for line in lines)
        assert Decimal(row["tax"]) == total_of(line.tax for line in lines)
        assert Decimal(row["subtotal"]) == subtract(Decimal(row["total"]), Decimal(row["tax"]))


def test_a_statement_is_one_customers_month(answer: Answer, stored: Stored) -> None:
    """Each line of the settled invoices of that month, twins too, and a total for each invoice."""
    customer, month = "a14e7c5b-33d2-4a2e-8f6e-000000000004", date(2026, 9, 1)
    rows = answer(
        text("lines.sql")
        + f"set variable customer = '{customer.upper()}'; set variable month = date '{month}';"
        + text("statement.sql")
    )
    lines = [line for line in stored.lines() if (line.customer, line.month) == (customer, month)]
    charges = defaultdict(list)
    for line in lines:
        charges[line.manifest["invoiceId"]].append(line.charge)
    assert len(charges) > 1
    for invoice, amounts in charges.items():
        of_invoice = [row for row in rows if row["invoice_id"] == invoice]
        assert of_invoice[-1]["product"] == "Total"
        assert Decimal(of_invoice[-1]["total"]) == total_of(amounts)
        assert Counter(Decimal(row["total"]) for row in of_invoice[:-1]) == Counter(amounts)
    assert len(rows) == len(lines) + len(charges)
    of_new_commerce = [row for row in rows if row["effective_unit_price"]]
    prices = Counter(Decimal(row["effective_unit_price"]) for row in of_new_commerce)
    items: list[Any] = [line.item for line in lines if hasattr(line.item, "effective_unit_price")]
    assert prices == Counter(round(item.effective_unit_price, 22) for item in items)
    assert {row["price_currency"] for row in of_new_commerce} == {"USD"}
    assert {item.pricing_currency for item in items} == {"USD"}


def test_a_quantity_is_what_is_charged(tmp_path: Path) -> None:
    """Of legacy Azure without what is included; elsewhere as it is billed."""
    azure: dict[str, Any] = {
        "consumedQuantity": 3,
        "includedQuantity": 1,
        "overageQuantity": 2,
        "listPrice": 1,
    }
    lines = [azure, {"Quantity": 1, "BillableQuantity": 1.5}, {"quantity": 4}]
    made(tmp_path / "invoices", "2026-09-01", lines)
    sql = "select billable_quantity as q from lines order by q"
    rows = by_package(text("lines.sql") + sql, tmp_path)
    assert [Decimal(row["q"]) for row in rows] == [Decimal("1.5"), 2, 4]


def test_a_customer_has_one_id(tmp_path: Path) -> None:
    """In upper and lower case and with v1's `org:` it is the same one, on a statement, too."""
    lines = [seats("0001", 5) | {"CustomerId": id} for id in ("C1", "c1", "org:c1", "ORG:C1")]
    made(tmp_path / "invoices", "2026-09-01", lines)
    (row,) = by_package(text("lines.sql", "totals-per-customer.sql"), tmp_path)
    assert (row["customer_id"], row["lines"], Decimal(row["total"])) == ("c1", "4", Decimal(200))
    for id in ("C1", "org:c1"):
        variables = f"set variable customer = '{id}';" + MONTH.format("2026-09-01")
        rows = by_package(text("lines.sql") + variables + text("statement.sql"), tmp_path)
        assert len(rows) == 5


MONTH = "set variable month = date '{}';"


def test_month_over_month_compares_licences(answer: Answer, stored: Stored) -> None:
    """The charges of all that is named are those of its lines; what has the same quantity is left out."""
    rows = answer(text("lines.sql") + MONTH.format("2026-09-01") + text("month-over-month.sql"))
    quantities: dict[tuple[str, ...], dict[date, Decimal]] = defaultdict(
        lambda: defaultdict(Decimal)
    )
    for line in stored.lines():
        item: Any = line.item
        azure_plan = (getattr(item, "product_category", None) or "") == "Azure"
        if azure_plan or isinstance(item, UsageBasedLineItem):
            continue
        product = getattr(item, "product_id", None) or item.offer_id
        whole = (item.charge_type or "").lower() in WHOLE
        whose: tuple[str, ...] = (
            line.customer,
            item.subscription_id,
            product,
            getattr(item, "sku_id", None) or "",
        )
        quantities[whose][line.month] += item.quantity if whole else 0
    expected = {}
    for key, months in quantities.items():
        before, now = months.get(date(2026, 8, 1)), months.get(date(2026, 9, 1))
        if before != now:
            expected[key] = (before, now)
    found = {
        tuple(row[name] for name in ("customer_id", "subscription_id", "product_id", "sku_id")): (
            Decimal(row["quantity_before"]) if row["quantity_before"] else None,
            Decimal(row["quantity"]) if row["quantity"] else None,
        )
        for row in rows
    }
    assert found == expected
    assert {row["change"] for row in rows} == {"new", "gone", "more", "fewer"}


WHOLE = {"new", "renew", "cyclecharge", "purchase fee", "cycle fee"}


def made(folder: Path, month: str, lines: list[dict[str, Any]]) -> None:
    """Lay down a settled invoice of a month, made by hand."""
    id = f"G{month[:4]}{month[5:7]}0001"
    entry = {"billingProvider": "one_time", "invoiceLineItemType": "billing_line_items"}
    blob = f"{id}/one_time/billing_line_items.jsonl"
    manifest = {"invoiceId": id, "state": "settled", "currencyCode": "EUR"}
    manifest["lineItems"] = [entry | {"source": "graph", "blob": blob, "lines": len(lines)}]  # type: ignore[assignment]
    (folder / blob).parent.mkdir(parents=True)
    (folder / blob).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / id / "manifest.json").write_text(json.dumps(manifest, separators=(",", ":")))
    (folder / id / "invoice.json").write_text(
        json.dumps({"id": id, "billingPeriodStartDate": f"{month}T00:00:00Z"})
    )


def seats(sku: str, quantity: int, charge_type: str = "cycleCharge") -> dict[str, Any]:
    """A line of some seats, 10 each."""
    ids = {"CustomerId": "C1", "SubscriptionId": "S1", "ProductId": "P1", "SkuId": sku}
    charge = {"ChargeType": charge_type, "Quantity": quantity, "Total": 10 * quantity}
    return ids | charge | {"Currency": "EUR"}


def test_what_is_new_gone_and_changed(tmp_path: Path) -> None:
    """What is added within a cycle changes the charge, not the quantity; what stays is left out."""
    made(
        tmp_path / "invoices",
        "2026-09-01",
        [seats("0001", 5), seats("0002", 5), seats("0003", 5), seats("0004", 5)],
    )
    later = [seats("0001", 5), seats("0001", 3, "addQuantity"), seats("0002", 7), seats("0003", 4)]
    made(tmp_path / "invoices", "2026-10-01", [*later, seats("0005", 1, "new")])
    rows = by_package(
        text("lines.sql") + MONTH.format("2026-10-01") + text("month-over-month.sql"), tmp_path
    )
    found = {
        row["sku_id"]: (row["change"], *(row[c].split(".")[0] for c in ("total_before", "total")))
        for row in rows
    }
    assert found == {
        "0002": ("more", "50", "70"),
        "0003": ("fewer", "50", "40"),
        "0004": ("gone", "50", ""),
        "0005": ("new", "", "10"),
    }


@pytest.mark.parametrize(
    ("month", "why"),
    [
        ("2026-10-01", f"not settled: {UNSETTLED}"),
        ("2026-07-01", "no invoices of 2026-07-01, or of the month before"),
        ("2020-01-01", "no invoices of 2020-01-01, or of the month before"),
    ],
)
@pytest.mark.parametrize("ask", [by_command_line, by_package])
def test_months_that_are_not_whole_are_not_compared(
    ask: Callable[[str, Path], list[Row]], month: str, why: str, work: Path
) -> None:
    """What is only late would count as gone: it is an error that names the invoices."""
    with pytest.raises(Refused, match=why):
        ask(text("lines.sql") + MONTH.format(month) + text("month-over-month.sql"), work)


def test_credits_and_pro_rata_lines_are_all_that_is_no_whole_cycle(
    answer: Answer, stored: Stored
) -> None:
    """Each line that is negative, has a reason for a credit, or another type of charge, once."""
    rows = answer(text("lines.sql", "credits-and-pro-rata.sql"))
    expected = Counter(
        (line.manifest["invoiceId"], line.item.charge_type or "", line.charge)
        for line in stored.lines()
        if line.charge < 0
        or getattr(line.item, "credit_reason_code", None)
        or (line.item.charge_type or "").lower()
        not in WHOLE | {"assess usage fee for current cycle"}
    )
    found = Counter((row["invoice_id"], row["charge_type"], Decimal(row["total"])) for row in rows)
    assert found == expected
    kinds = {(row["kind"], row["charge_type"]) for row in rows if Decimal(row["total"]) >= 0}
    assert {("pro rata", "addQuantity"), ("credit", "customerCredit")} <= kinds
    assert {row["kind"] for row in rows if Decimal(row["total"]) < 0} == {"credit"}


def test_azure_usage_is_all_priced_usage(answer: Answer, stored: Stored) -> None:
    """By tag it sums up to the usage of the manifests; lines without the tag are there, too."""
    rows = answer(text("lines.sql") + "set variable tag = 'cost center';" + text("azure-usage.sql"))
    expected = defaultdict(list)
    by_tag: Counter[str] = Counter()
    for line in stored.lines("usage_line_items"):
        expected[line.month.isoformat(), line.manifest["currencyCode"]].append(line.charge)
        tags = getattr(line.item, "tags", None)
        by_tag[json.loads(tags).get("cost center", "") if tags else ""] += 1
    sums = {key: total_of(charges) for key, charges in expected.items()}
    assert summed(rows, "total_before_tax") == sums
    found: Counter[str] = Counter()
    for row in rows:
        found[row["tag"]] += int(row["lines"])
    assert found == by_tag
    assert len({row["resource_group"] for row in rows}) > 11


def test_versions_are_compared_line_for_line(work: Path, stored: Stored) -> None:
    """What came less what went is what the total has changed by, and twins count as two."""
    (found,) = [m for m in stored.manifests() if m["invoiceId"] == CHANGED]
    entry = found["lineItems"][0]
    rows = by_package(
        text("lines.sql") + f"select earlier[1] from blobs where invoice_id = '{CHANGED}'", work
    )
    snapshot = entry["earlier"][0]["snapshot"]
    assert snapshot in str(rows)
    blob = stored.app.container.get_blob_client(entry["blob"], snapshot=snapshot)
    earlier = blob.download_blob().readall()
    (work / "earlier.jsonl").write_bytes(earlier)
    sql = (
        text("lines.sql")
        + f"set variable earlier = 'earlier.jsonl'; set variable now = 'invoices/{entry['blob']}';"
        + text("versions.sql")
    )
    before, after = (Counter(t.splitlines()) for t in (earlier, stored.app.read(entry["blob"])))
    for rows in (by_command_line(sql, work), by_package(sql, work)):
        changes = Counter(row["change"] for row in rows)
        assert changes == {"came": (after - before).total(), "gone": (before - after).total()}
        came, gone = (
            total_of(Decimal(row["total"]) for row in rows if row["change"] == change)
            for change in ("came", "gone")
        )
        assert subtract(came, gone) == subtract(entry["total"], entry["earlier"][0]["total"])
