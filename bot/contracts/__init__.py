"""What a setting, a source, a target, an engine and a message are; every kind implements one of these."""
