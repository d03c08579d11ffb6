"""Where files, their commit and what came before it are read from: the `git` program, read only."""
