"""The bounded child process in which one file is read."""
