"""A faster bundle from a bundle."""
