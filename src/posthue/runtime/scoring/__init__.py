"""A table in, a table with predictions out: ``score``, whichever way it takes."""
