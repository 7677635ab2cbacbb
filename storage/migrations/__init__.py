"""How a file gets to the current schema: made at once, or brought there step by step inside one transaction."""
