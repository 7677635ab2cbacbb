"""People: who may read and act in the reading room, their sessions and tokens, what they ask the daemon to do."""
