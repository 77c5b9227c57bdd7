"""Which words set groups apart."""
