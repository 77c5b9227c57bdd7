"""The pages of ``posthue compare``, ``crossval`` and ``tune``."""
