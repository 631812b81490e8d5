-- Where the other recipes begin: v1's lines and the export's under one set of column names. DuckDB 1.3 or newer.
-- `root` is a folder that the container was downloaded to, or azure://invoices (straight-from-storage.sql).
set variable root = coalesce(getvariable('root'), 'invoices');

-- The digits of an amount as they stand in the line: `->>` takes them through a double, and so do columns named DECIMAL before
-- DuckDB 2.0. Digits behind the 22nd are rounded: prices may have such, charges have not.
create or replace macro amount_of(line, names) as nullif(regexp_extract(line::varchar,
    '(?i)"(?:' || names || ')"\s*:\s*"?(-?[0-9][0-9.]*(?:e[-+]?[0-9]+)?)"?\s*[,}]', 1), '')::decimal(38, 22);
-- A field that v1 spells `skuId` and the export `SkuId`. Without a value it is left out, null or empty.
create or replace macro field_of(line, name) as
    nullif(coalesce(line->>name, line->>(upper(name[1]) || name[2:])), '');
-- A customer's tenant: the sources differ in upper and lower case, and v1 has `org:` before some.
create or replace macro tenant_of(id) as regexp_replace(lower(id), '^org:', '');
-- The day as it is written, whatever the zone behind it. The year 1 stands for none.
create or replace macro day_of(line, name) as try_cast(nullif(field_of(line, name)[:10], '0001-01-01') as date);
create or replace macro path_of(filename) as string_split(replace(filename, '\', '/'), '/');

-- One row an invoice. Bill those whose `state` is settled; of a `void_note` and the `adjustment_note` that corrects it ask first
-- what is to be paid. `difference`: what is on the invoice and on no line.
create or replace view invoices as
select path_of(filename)[-2] as invoice_id,
    json->>'state' as state,
    json->>'reason' as reason,
    invoice->>'documentType' as document_type,
    day_of(invoice, 'invoiceDate') as invoice_date,
    date_trunc('month', coalesce(day_of(invoice, 'billingPeriodStartDate'), invoice_date - interval 1 month))::date
        as billing_month,
    json->>'currencyCode' as currency,
    amount_of(json, 'totalCharges') as total_charges,
    amount_of(json, 'lineTotal') as line_total,
    total_charges - line_total as difference,
    json as manifest
from read_json_objects(getvariable('root') || '/*/manifest.json', filename = true)
left join (
    select path_of(filename)[-2] as id, json as invoice
    from read_json_objects(getvariable('root') || '/*/invoice.json', filename = true)
) on id = path_of(filename)[-2];

-- One row a blob of lines, with what the manifest says of it. `earlier`: its snapshots, the newest first.
create or replace view blobs as
select invoice_id, state, document_type, billing_month, currency as invoice_currency,
    entry->>'billingProvider' as billing_provider,
    entry->>'invoiceLineItemType' as line_item_type,
    entry->>'source' as source,
    (entry->>'lines')::bigint as line_count,
    amount_of(regexp_extract(manifest::varchar, '"blob":"' || (entry->>'blob') || '"[^{}]*'), 'total') as total,
    entry->'$.earlier[*].snapshot' as earlier
from (select *, unnest(manifest->'$.lineItems[*]') as entry from invoices);

-- One row a line. Billing lines add up to the invoice. Usage lines explain some of them, before tax: never add the two, nor two
-- currencies. Two equal lines are both billed. Prices are in `price_currency`, amounts in `currency`. `line` has all fields, for field_of(line, 'promotionId') and the like.
create or replace view lines as
with found as (
    select path_of(filename) as path, path[-3] as invoice_id, path[-2] as billing_provider,
        string_split(path[-1], '.')[1] as line_item_type, json as line
    from read_ndjson_objects(getvariable('root') || '/*/*/*.jsonl', filename = true)
)
select invoice_id, billing_provider, line_item_type, source, state, document_type, billing_month,
    tenant_of(field_of(line, 'customerId')) as customer_id,
    coalesce(field_of(line, 'customerName'), field_of(line, 'customerCompanyName')) as customer_name,
    lower(field_of(line, 'subscriptionId')) as subscription_id,
    coalesce(field_of(line, 'productId'), field_of(line, 'offerId'), field_of(line, 'resourceGuid')) as product_id,
    field_of(line, 'skuId') as sku_id,
    coalesce(field_of(line, 'skuName'), field_of(line, 'offerName'), field_of(line, 'serviceName')) as product,
    billing_provider = 'azure' or coalesce(lower(field_of(line, 'productCategory')) = 'azure', false)
        or coalesce(lower(field_of(line, 'skuName')) = 'azure plan', false) as is_azure,
    field_of(line, 'chargeType') as charge_type,
    day_of(line, 'chargeStartDate') as charge_start,
    day_of(line, 'chargeEndDate') as charge_end,
    day_of(line, 'usageDate') as usage_date,
    amount_of(line, 'quantity|consumedQuantity') as quantity,
    coalesce(amount_of(line, 'billableQuantity'), amount_of(line, 'overageQuantity'),
        amount_of(line, 'quantity|consumedQuantity')) as billable_quantity,
    coalesce(field_of(line, 'unitType'), field_of(line, 'unitOfMeasure'), field_of(line, 'unit')) as unit,
    amount_of(line, 'unitPrice|listPrice') as unit_price,
    amount_of(line, 'effectiveUnitPrice') as effective_unit_price,
    amount_of(line, 'subtotal|pretaxCharges') as subtotal,
    amount_of(line, 'tax|taxTotal|taxAmount') as tax,
    amount_of(line, 'totalForCustomer|postTaxTotal|total|billingPreTaxTotal') as total,
    coalesce(field_of(line, 'currency'), field_of(line, 'billingCurrency'), invoice_currency) as currency,
    coalesce(field_of(line, 'pricingCurrency'), field_of(line, 'currency'), invoice_currency) as price_currency,
    coalesce(field_of(line, 'meterName'), field_of(line, 'resourceName')) as meter,
    lower(field_of(line, 'resourceGroup')) as resource_group,
    field_of(line, 'tags') as tags,
    field_of(line, 'mpnId') as mpn_id,
    line
from found left join blobs using (invoice_id, billing_provider, line_item_type);
