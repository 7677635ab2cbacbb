"""One file in, one frozen value out."""
