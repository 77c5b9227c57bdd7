"""The rows of a table with their results: one file in, one file out, and what came of it."""
