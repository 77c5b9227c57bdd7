"""Making models: recipes, datasets, losses, the training itself."""
