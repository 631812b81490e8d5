"""What settled invoices come to by month and currency, in pandas: `python pandas_totals.py lines.parquet`.

The file is that of parquet.sql. `read_json` makes floats of amounts, and 18 of a skuId 0018. With `dtype_backend` left
out amounts are Python's decimals, whose sums are rounded to 28 digits.
"""

import sys

import pandas as pd

lines = pd.read_parquet(
    sys.argv[1],
    dtype_backend="pyarrow",
    filters=[("state", "==", "settled"), ("line_item_type", "==", "billing_line_items")],
)
totals = lines.groupby(["billing_month", "currency"])["total"].sum()
print(totals.to_csv(), end="")
