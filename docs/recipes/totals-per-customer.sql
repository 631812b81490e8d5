-- What each customer costs, by month and currency; what is of voided invoices (`void_note`) and what corrects them
-- (`adjustment_note`) for itself. Its sums are the `line_total` of all settled invoices.
select billing_month, currency, document_type, customer_id, max(customer_name) as customer_name,
    count(*) as lines, sum(subtotal) as subtotal, sum(tax) as tax, sum(total) as total
from lines
where line_item_type = 'billing_line_items' and state = 'settled'
group by billing_month, currency, document_type, customer_id
order by billing_month, currency, document_type, total desc, customer_id;
