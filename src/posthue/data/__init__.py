"""What comes in: texts, pictures, tables, corpora."""
