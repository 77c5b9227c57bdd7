"""Reports: pages to look at."""
