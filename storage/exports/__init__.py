"""Files beside the archive that exports need: what was seen so far, and a database for Datasette."""
