"""docs/recipes on what the real app stores; `make check-recipes`."""
