"""A Plan in, PATCHes sent and an Outcome out, with a journal of both."""
