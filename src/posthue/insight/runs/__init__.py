"""The pages of ``posthue curves`` and ``distill``."""
