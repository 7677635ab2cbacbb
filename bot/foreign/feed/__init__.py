"""PURE: reads RSS, Atom and JSON Feed: bytes and text in, entries out."""
