"""Invoice ids and links: what is taken apart, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidInput
from shared.keys import LineItemsKey, billing_provider, invoice_id, line_item_type
from shared.links import check_next_line_items, key_of_link, link_of, next_list_parameters

IDS = st.from_regex(r"[GDT][A-Z0-9]{8}[0-9]", fullmatch=True)
PROVIDERS = st.sampled_from(["office", "Office", "azure", "OneTime", "one_time", "ONETIME"])
TYPES = st.sampled_from(
    ["BillingLineItems", "usagelineitems", "billing_line_items", "USAGELINEITEMS"]
)


@pytest.mark.parametrize("text", ["D0500033K3", "Recurring-D0500033K3", "recurring-d0500033k3"])
def test_an_invoice_id_is_understood_with_and_without_prefix(text: str) -> None:
    """The bare id comes out, in upper case."""
    assert invoice_id(text) == "D0500033K3"


@pytest.mark.parametrize(
    "text",
    [
        *("", "unbilled", "summary", "SUMMARY", "estimates", "abc", ".", "..", "../secrets"),
        *("D0500033K3/", "D0500033K3?x", "D0500033K3#", "D05 00033K3", "D0500033K3\n", "%2e%2e"),
        *(
            "Annual-D0500033K3",
            "D0500033K3" * 4,
            "\uff240500033K3",
            "D0500033\u212a3",
            "D050003३K3",
        ),
    ],
)
def test_anything_else_is_no_invoice_id(text: str) -> None:
    """Other resources' names, path tricks and look-alike letters are refused by name."""
    with pytest.raises(InvalidInput, match="is not an invoice id"):
        invoice_id(text)


@pytest.mark.parametrize("text", ["one_time", "OneTime", "onetime", "ONE_TIME"])
def test_spelling_of_providers_does_not_matter(text: str) -> None:
    """Upper and lower case and underscores are the same provider."""
    assert billing_provider(text) == "one_time"


def test_an_unknown_provider_or_type_is_named_with_what_was_expected() -> None:
    """The error says which value was wrong and which are known."""
    with pytest.raises(InvalidInput, match=r"'quantum' .* office, azure or one_time"):
        billing_provider("quantum")
    with pytest.raises(InvalidInput, match=r"'lines' .* billing_line_items or usage_line_items"):
        line_item_type("lines")


@given(
    IDS,
    PROVIDERS,
    TYPES,
    st.sampled_from(["", "Recurring-", "OneTime-"]),
    st.sampled_from(["", "/v1"]),
)
def test_path_form_and_query_form_mean_the_same(
    bare_id: str, provider: str, item_type: str, prefix: str, root: str
) -> None:
    """Both forms of a link, with or without prefix and /v1, name the same lines."""
    expected = LineItemsKey.of(bare_id, provider, item_type)
    path = f"{root}/invoices/{prefix}{bare_id}/lineitems"
    assert key_of_link(f"{path}/{provider}/{item_type}?size=2000&offset=0") == expected
    query = f"Provider={provider}&INVOICELINEITEMTYPE={item_type}&size=2"
    assert key_of_link(f"{path}?{query}") == expected
    assert key_of_link(link_of(expected)) == expected


@given(st.text(max_size=300))
def test_no_text_gets_through_that_is_not_a_known_link(text: str) -> None:
    """Whatever comes in, either it is refused, or only checked parts come out."""
    try:
        key = key_of_link(text)
    except InvalidInput:
        return
    assert LineItemsKey.of(key.invoice_id, key.billing_provider, key.invoice_line_item_type) == key


@given(
    IDS,
    st.sampled_from(
        [
            "https://evil.example{0}",
            "//evil.example{0}",
            "https:{0}",
            "\\\\evil.example{0}",
            "/..{0}",
            "/invoices/..{0}",
            "{0}/../../x",
            "{0}%2e%2e",
            "{0}\r\nHost: evil.example",
            " {0}",
            "@evil.example{0}",
            "/v2{0}",
        ]
    ),
)
def test_links_to_elsewhere_are_refused(bare_id: str, form: str) -> None:
    """Absolute, other-host and climbing links, as an order and as a next link."""
    link = form.format(f"/invoices/{bare_id}/lineitems/office/billinglineitems")
    key = LineItemsKey.of(bare_id, "office", "billinglineitems")
    with pytest.raises(InvalidInput):
        key_of_link(link)
    with pytest.raises(InvalidInput):
        check_next_line_items(link, key)
    with pytest.raises(InvalidInput):
        next_list_parameters(form.format("/invoices"))


@pytest.mark.parametrize(
    "link",
    [
        "/invoices/G000773581/lineitems?provider=OneTime&nvoicelineitemtype=BillingLineItems&size=2?seekOperation=Next",
        "/invoices/OneTime-G000773581/lineitems/OneTime/BillingLineItems?size=2&offset=",
        "/invoices/G000773581/lineitems/onetime/billinglineitems?seekOperation=Next",
    ],
)
def test_malformed_queries_of_next_links_are_borne(link: str) -> None:
    """A second ?, a misspelt parameter and an empty offset are the API's own, and do no harm."""
    check_next_line_items(link, LineItemsKey.of("G000773581", "onetime", "billinglineitems"))


def test_a_next_link_of_another_invoice_is_refused() -> None:
    """Lines of one invoice never go on in another."""
    with pytest.raises(InvalidInput, match="is not a next link"):
        check_next_line_items(
            "/invoices/G000000001/lineitems/onetime/billinglineitems",
            LineItemsKey.of("G000000002", "onetime", "billinglineitems"),
        )


def test_the_lists_next_link_gives_its_paging_parameters() -> None:
    """Size and offset are taken over, anything odd is left out."""
    assert next_list_parameters("/invoices?size=2&offset=4") == {"size": "2", "offset": "4"}
    assert next_list_parameters("/invoices?size=2&offset=") == {"size": "2"}
    assert next_list_parameters("/v1/invoices?seekOperation=next&x=y") == {"seekOperation": "Next"}
