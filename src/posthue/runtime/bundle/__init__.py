"""A bundle on disk: opened, checked, copied, described."""
