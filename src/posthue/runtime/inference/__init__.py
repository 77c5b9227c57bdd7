"""From posts to predictions: tokens, pixels, head, probabilities, shares."""
