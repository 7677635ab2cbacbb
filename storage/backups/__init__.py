"""Backups of the whole archive: made while it is written to, proved before they count, kept by age, restored."""
