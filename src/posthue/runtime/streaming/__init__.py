"""Endless input: standard input, Kafka."""
