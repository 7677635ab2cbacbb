"""PURE: the JSON contract: a post, an alert, a source, a file as plain values, shared by CLI and webhook."""
