-- What Azure is used for: by subscription, resource group and a tag. Usage is before tax and rounded otherwise than the
-- billing lines that it explains: not to be added to them. Legacy usage has no price, so its total is empty.
--   set variable tag = 'cost center';
select billing_month, currency, customer_id, max(customer_name) as customer_name, subscription_id, resource_group,
    if(json_valid(tags), tags::json->>getvariable('tag'), null) as tag,
    count(*) as lines, sum(total) as total_before_tax
from lines
where line_item_type = 'usage_line_items' and state = 'settled'
group by billing_month, currency, customer_id, subscription_id, resource_group, tag
order by billing_month, currency, customer_id, total_before_tax desc, subscription_id, resource_group, tag;
