"""Who may come in: links, passwords, sessions, and where requests may come from."""
