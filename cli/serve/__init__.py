"""``pgvoice serve``: pages to listen and name, and the HTTP API."""
