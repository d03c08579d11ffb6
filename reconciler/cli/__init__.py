"""Flags in, an exit code out: typer options, and the only place where errors become text."""
