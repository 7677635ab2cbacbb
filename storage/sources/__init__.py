"""Sources: their states, gaps, first contact, and what a Telegram account remembers."""
