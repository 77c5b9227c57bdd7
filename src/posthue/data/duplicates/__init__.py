"""Near-duplicate texts and pictures, and their groups."""
