-- Lines that are no charge for a whole cycle: credits and refunds, and what is charged for a part of it.
-- By the types of charges that are known; Microsoft adds others, so look at those that stand here with `kind` other, too.
select
    case when total < 0 or charge_type ilike '%credit%' or field_of(line, 'creditReasonCode') is not null then 'credit'
        when regexp_matches(charge_type, '(?i)prorat|quantity|cancel|convert|changeBillingPlan|extendTerm') then 'pro rata'
        else 'other' end as kind,
    billing_month, invoice_id, currency, customer_id, customer_name, product, subscription_id,
    charge_type, field_of(line, 'creditReasonCode') as reason, charge_start, charge_end, quantity, total
from lines
where line_item_type = 'billing_line_items' and state = 'settled'
    and (total < 0 or field_of(line, 'creditReasonCode') is not null
        or coalesce(lower(charge_type), '') not in ('new', 'renew', 'cyclecharge', 'purchase fee', 'cycle fee',
            'assess usage fee for current cycle'))
order by billing_month, invoice_id, currency, customer_id, kind, charge_start, total;
