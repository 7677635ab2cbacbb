"""The long-lived process: one instance, one loop, ordered stop."""
