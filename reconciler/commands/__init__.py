"""One file per verb: a request in, an exit code out; the only place where the edges meet."""
