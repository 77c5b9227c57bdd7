"""From corpora to batches with soft targets."""
