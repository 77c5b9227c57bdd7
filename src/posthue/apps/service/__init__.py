"""What every server shares: the classifier behind a queue, limits, fetching, metrics."""
