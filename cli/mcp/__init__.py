"""``pgvoice mcp``: the store for agents, by the Model Context Protocol."""
