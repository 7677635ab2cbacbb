"""The database file: connections, guards, views, integrity, permissions."""
