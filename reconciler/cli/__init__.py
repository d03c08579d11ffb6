"""The command line: options as typer takes them, and the only place where errors become text."""

COMPLETION = "_TOKENCTL_COMPLETE"
"""Set by the shells' scripts, to ask for completions instead of a run."""
SHOWN = frozenset({"-h", "--help", "--version", "--show-completion"})
"""The options with which typer itself writes to standard output."""
