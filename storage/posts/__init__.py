"""Posts, their revisions, texts, raw bytes and observations."""
