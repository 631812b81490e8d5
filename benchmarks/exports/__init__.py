"""Fetching an export: its files come from one process, another takes what is stored."""
