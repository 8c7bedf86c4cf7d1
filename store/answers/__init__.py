"""Who is speaking, where somebody speaks, what sounds alike, and the search index."""
