"""Rules, matches, deliveries and notices."""
