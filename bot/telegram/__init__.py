"""The one MTProto connection (Telethon): session, supervision, budgets, refusals as our errors."""
