"""Watches, decides, speaks: everything that knows a network, a schedule or a person."""
