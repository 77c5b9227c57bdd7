"""The page of ``posthue data check``."""
