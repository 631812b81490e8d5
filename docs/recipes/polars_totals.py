"""What settled invoices come to by month and currency, in polars: `python polars_totals.py lines.parquet`.

The file is that of parquet.sql. polars' own reading of the JSON makes floats of amounts; its decimals sum exactly.
"""

import sys

import polars as pl

totals = (
    pl.scan_parquet(sys.argv[1])
    .filter(pl.col("state") == "settled", pl.col("line_item_type") == "billing_line_items")
    .group_by("billing_month", "currency")
    .agg(pl.col("total").sum())
    .sort("billing_month", "currency")
    .collect()
)
print(totals.write_csv(), end="")
