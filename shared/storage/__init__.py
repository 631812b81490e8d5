"""The storage accounts, and the container of the invoices."""
