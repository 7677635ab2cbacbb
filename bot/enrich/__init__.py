"""Stored files -> more text: which engine reads what, when, and in which sandbox."""
