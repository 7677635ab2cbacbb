"""Remembers; knows no network, no asyncio and nothing of bot. Importing it costs nothing."""
