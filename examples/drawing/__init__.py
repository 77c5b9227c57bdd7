"""Pictures for the example posts, drawn in code: no photograph and nobody's face is in them."""
