"""Results and experiments of other benchmarks, read and written."""
