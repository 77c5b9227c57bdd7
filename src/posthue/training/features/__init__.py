"""Frozen encoders' outputs, computed once and stored."""
