"""The side-by-side measurements: `python -m benchmarks` prints them and writes `results.md`."""
