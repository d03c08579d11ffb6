"""One file per verb, and nothing else: a request in, an exit code out."""
