"""What the command line and the reading room show alike: assembled here once, from a reader and plain values."""
