"""Statements and their copies: what is the same event, what faces it, and what only quotes it."""
