"""Sends the changes of a plan, and keeps a journal of what is sent and what comes of it."""
