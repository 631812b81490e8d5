-- What changed when Microsoft replaced the lines of an invoice. `blobs.earlier` has the snapshots of each blob; download one:
--   az storage blob download --account-name ACCOUNT --auth-mode login --container-name invoices \
--     --name G098120457/one_time/billing_line_items.jsonl --snapshot 2026-11-26T20:41:04.4560000Z --file earlier.jsonl
-- or from the app: curl -H "x-functions-key: $KEY" -o earlier.jsonl \
--     "https://APP.azurewebsites.net/api/invoices/G098120457/lineItems/one_time/billing_line_items?snapshot=2026-11-26T20:41:04.4560000Z"
--   set variable earlier = 'earlier.jsonl'; set variable now = 'invoices/G098120457/one_time/billing_line_items.jsonl';
-- Lines have no id and two may be equal, so what is in both is left out one for one.
with earlier as (
    select json::varchar as line from read_ndjson_objects(getvariable('earlier'))
), now as (
    select json::varchar as line from read_ndjson_objects(getvariable('now'))
), changes as (
    select 'gone' as change, line::json as line from (from earlier except all from now)
    union all
    select 'came', line::json from (from now except all from earlier)
)
select change, tenant_of(field_of(line, 'customerId')) as customer_id,
    coalesce(field_of(line, 'customerName'), field_of(line, 'customerCompanyName')) as customer_name,
    coalesce(field_of(line, 'skuName'), field_of(line, 'offerName'), field_of(line, 'serviceName')) as product,
    lower(field_of(line, 'subscriptionId')) as subscription_id, field_of(line, 'chargeType') as charge_type,
    amount_of(line, 'quantity|consumedQuantity') as quantity,
    amount_of(line, 'totalForCustomer|postTaxTotal|total|billingPreTaxTotal') as total, line
from changes
order by customer_id, subscription_id, product, change desc, total;
