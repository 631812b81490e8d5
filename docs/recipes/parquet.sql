-- All lines in one Parquet file with decimals (charges exact, prices to the 22nd digit), for polars, pandas, Power BI and Spark: read the JSON once, and then this.
copy (select * exclude line from lines) to 'lines.parquet' (format parquet, compression zstd);
