"""Splits that keep groups together, and the files that record them."""
