"""Pretrained encoders, fetched and opened, and what is read from their vocabularies."""
