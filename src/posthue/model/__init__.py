"""The torch half: encoders, fusions, the post model, its processor, and the export to a bundle."""
