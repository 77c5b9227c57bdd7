"""Tables of posts read and written as streams."""
