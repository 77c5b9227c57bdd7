"""The same in resumable pieces, on several processes or a Ray cluster."""
