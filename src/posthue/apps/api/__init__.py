"""The REST API: one model behind a queue, and the web page beside it (``posthue serve``)."""
