"""From raw posts to an image model without human labels (Serra et al. 2023, arXiv 2304.14942)."""
