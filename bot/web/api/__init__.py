"""What programs ask of the reading room by HTTP: documents as the commands print them, below `/api/v1/`."""
