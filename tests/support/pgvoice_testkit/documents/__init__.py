"""Strange documents and requests, and the READMEs' sessions."""
