"""Feeds of a search or a rule for feed readers, and the list of sources; a token in the address lets a reader in."""
