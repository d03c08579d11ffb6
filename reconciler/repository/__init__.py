"""A REF and the names of files in, what they held at that commit out: through the `git` program, read only."""
