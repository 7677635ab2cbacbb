"""`communique show`: everything that is known of one post."""
