"""`communique rules`: list, test, explain and replay rules."""
