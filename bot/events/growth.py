"""PURE: when a message that has been sent is edited because its statement was copied."""

EACH = 20  # changes that are each worth an edit
STEPS = (50, 100, 200)  # copies at which there is one more


def is_edit_due(shown: str, copies: int, edits: int, now_shown: str, now_copies: int) -> bool:
    """Whether a message that says `shown` of `copies`, after so many edits, should say `now_shown` of `now_copies`."""
    if now_shown == shown:
        return False
    return edits < EACH or any(copies < step <= now_copies for step in STEPS)
