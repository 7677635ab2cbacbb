"""The reading room: pages of the archive for a browser, and what programs ask of it by HTTP."""
