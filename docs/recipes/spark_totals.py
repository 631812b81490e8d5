"""What settled invoices come to by currency, in Spark: `spark-submit spark_totals.py abfss://invoices@ACCOUNT.dfs.core.windows.net`.

It reads the JSON itself: with a schema, for Spark makes doubles of amounts otherwise.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

ROOT = sys.argv[1]
# v1's columns and the export's; what a line has not is null. An amount that is none is an error, not a null.
CHARGES = ("totalForCustomer", "postTaxTotal", "Total")
CURRENCIES = ("currency", "Currency")
SCHEMA = ", ".join(
    [*(f"{name} DECIMAL(38, 22)" for name in CHARGES), *(f"{name} STRING" for name in CURRENCIES)]
)

spark = SparkSession.builder.getOrCreate()
spark.conf.set("spark.sql.caseSensitive", "true")  # `currency` and `Currency` are two columns
settled = (
    spark.read.schema("invoiceId STRING, state STRING")
    .json(f"{ROOT}/*/manifest.json")
    .where("state = 'settled'")
)
lines = spark.read.schema(SCHEMA).json(
    f"{ROOT}/*/*/billing_line_items.jsonl", lineSep="\n", mode="FAILFAST"
)
totals = (
    lines.withColumn("invoiceId", f.element_at(f.split("_metadata.file_path", "/"), -3))
    .join(settled, "invoiceId")
    .groupBy(f.coalesce(*CURRENCIES).alias("currency"))
    .agg(f.sum(f.coalesce(*CHARGES)).alias("total"))
    .orderBy("currency")
)
for row in totals.collect():
    print(f"{row.currency},{row.total}")
