"""An index of encoded posts, and the nearest ones."""
