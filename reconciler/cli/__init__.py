"""The command line: options as typer takes them, and the only place where errors become text."""
