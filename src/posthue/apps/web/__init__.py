"""The web page of ``posthue serve``: pages made on the server, a little script, no other site involved."""
