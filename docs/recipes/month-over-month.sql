-- Licences beside those of the month before: new, gone, more, fewer. Azure is not in it: its quantities are consumption.
--   set variable month = date '2026-09-01';
-- `quantity` is that of the charges for a whole cycle: what is added or removed within one (addQuantity, removeQuantity, …) is
-- in `total` now, and in the quantity from the next cycle on. Licences that are not billed each month come and go.
-- It is an error where the two months are not settled: what is only late would count as gone.
with months as (
    select getvariable('month')::date as this, (this - interval 1 month)::date as before
), problem as (
    select coalesce('not settled: ' || string_agg(invoice_id, ', ') filter (where state is distinct from 'settled'),
        case when count(distinct billing_month) < 2 then 'no invoices of ' || (select this from months) || ', or of the month before' end) as text
    from invoices, months
    where billing_month in (this, before)
), licences as (
    select billing_month, currency, customer_id, max(customer_name) as customer_name, subscription_id, product_id, sku_id,
        max(product) as product, sum(total) as total, coalesce(sum(quantity) filter (where lower(charge_type) in
            ('new', 'renew', 'cyclecharge', 'purchase fee', 'cycle fee')), 0) as quantity
    from lines
    where line_item_type = 'billing_line_items' and state = 'settled' and not is_azure
        and if((select text from problem) is null, true, error((select text from problem)))
    group by billing_month, currency, customer_id, subscription_id, product_id, sku_id
), compared as (
    select currency, customer_id, max(customer_name) as customer_name, subscription_id, product_id, sku_id,
        max(product) as product,
        sum(quantity) filter (where billing_month = before) as quantity_before,
        sum(quantity) filter (where billing_month = this) as quantity,
        sum(total) filter (where billing_month = before) as total_before,
        sum(total) filter (where billing_month = this) as total
    from licences, months
    where billing_month in (this, before)
    group by currency, customer_id, subscription_id, product_id, sku_id
)
select case when quantity_before is null then 'new' when quantity is null then 'gone'
        when quantity > quantity_before then 'more' else 'fewer' end as change, *
from compared
where quantity is distinct from quantity_before
order by currency, customer_id, change, subscription_id, product_id, sku_id;
