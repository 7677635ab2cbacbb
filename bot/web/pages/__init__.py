"""One file per page of the reading room."""
