"""Published image benchmarks run with our training."""
