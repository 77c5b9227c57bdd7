"""The page of ``posthue explain``."""
