"""One file per verb, and nothing else: each has a `run` that returns an exit code."""
