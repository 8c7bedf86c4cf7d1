"""The JSON documents of the API: what it answers, and what it is asked."""
