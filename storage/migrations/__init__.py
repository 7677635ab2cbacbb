"""How a file gets to the current schema: made from the tables, or brought there step by step inside one transaction."""
