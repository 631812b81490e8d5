-- One customer's month, each line and a total for each invoice and currency. Before it:
--   set variable customer = 'a14e7c5b-33d2-4a2e-8f6e-000000000004'; set variable month = date '2026-09-01';
-- Prices are in `price_currency`, what is billed in `currency`. `effective_unit_price` is that after discounts and for a part of
-- a cycle; legacy lines have none, and that of Azure times the quantity need not come to the subtotal.
-- No rows: the customer has no line in a settled invoice of that month (lines.sql, `state`).
with statement as (
    select * from lines
    where line_item_type = 'billing_line_items' and state = 'settled'
        and customer_id = tenant_of(getvariable('customer')) and billing_month = getvariable('month')
)
select * from (
    select invoice_id, document_type, currency, product, subscription_id, charge_type, charge_start, charge_end,
        billable_quantity, unit_price, effective_unit_price, price_currency, subtotal, tax, total
    from statement
    union all by name
    select invoice_id, document_type, currency, 'Total' as product, sum(subtotal) as subtotal, sum(tax) as tax, sum(total) as total
    from statement
    group by invoice_id, document_type, currency
)
order by invoice_id, currency, product = 'Total', product, subscription_id, charge_start, charge_type, total;
