"""Fetched -> stored: rounds of sources, re-checks of posts, history in resumable pages."""
