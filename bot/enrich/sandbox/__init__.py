"""The isolated child process in which one file is read."""
