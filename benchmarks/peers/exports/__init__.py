"""Who is compared at fetching an export: processes like those of `benchmarks.peers`."""
