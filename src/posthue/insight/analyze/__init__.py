"""The page of ``posthue analyze``."""
