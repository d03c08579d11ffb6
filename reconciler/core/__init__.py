"""The decisions, as values made of values: no I/O, no clock, no environment, no logging."""
