"""The web page, made on the server."""
