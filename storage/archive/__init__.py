"""The database file: connections, schema, migration, guards, integrity, permissions."""
