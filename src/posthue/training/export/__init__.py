"""From trained weights to a bundle with parity and card."""
