"""A Plan, an Outcome or a list of tokens in, text out: no stream, no terminal, no environment."""
