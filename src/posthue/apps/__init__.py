"""posthue."""
