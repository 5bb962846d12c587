"""Measurements that print ratios; each is run as a module, `python -m benchmarks.NAME`, and none is a test."""
