"""Benchmarks: each command timed beside a yardstick, so that the ratio holds on any machine."""
