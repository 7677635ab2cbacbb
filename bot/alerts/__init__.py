"""Matched -> delivered: decides on each match, plans its alerts, renders, sends and settles them."""
