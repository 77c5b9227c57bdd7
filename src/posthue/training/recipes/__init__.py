"""A recipe: its fields, checks, seeds and splits."""
