-- Without downloading, as whoever has signed in by `az login`, with the role Storage Blob Data Reader. Before lines.sql:
-- each query reads what it needs anew. For more than some queries, make the Parquet file first (parquet.sql).
install azure;
load azure;
create or replace secret invoices (type azure, provider credential_chain, chain 'cli', account_name 'ACCOUNT');
set variable root = 'azure://invoices';
