"""What people say back to alerts, wherever they say it."""
