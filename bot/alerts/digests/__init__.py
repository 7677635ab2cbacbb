"""What a digest says: one message that lists many posts."""
