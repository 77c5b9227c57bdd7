"""A table in, a table with predictions out."""
