"""`communique sources`: list, check, backfill, pause and resume sources."""
