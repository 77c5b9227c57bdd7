"""The HTML page: shell, sections, posts, thumbnails."""
