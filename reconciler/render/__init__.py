"""Plans, outcomes and lists of tokens as text: no stream, no terminal, no environment."""
