-- The lines that are here beside what their manifest says, digit by digit: where `fits` is false, do not bill.
with here as (
    select invoice_id, billing_provider, line_item_type, count(*) as lines_here, sum(total) as total_here
    from lines
    group by all
)
select invoice_id, billing_provider, line_item_type, source, state, line_count, lines_here, total, total_here,
    line_count = coalesce(lines_here, 0) and total is not distinct from coalesce(total_here, total - total) as fits
from blobs left join here using (invoice_id, billing_provider, line_item_type)
order by fits, invoice_id, billing_provider, line_item_type;
