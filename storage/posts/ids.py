"""PURE: how ids are packed, so that newest first is a walk and a date range is a range of ids.

A post's id is the second that it is ordered by << 16, plus a number within that second. A text's id is its post's id
<< 14, plus a number within that post: texts sort as their posts do.
"""

SECOND = 1_000_000  # microseconds
POST_BITS = 16
TEXT_BITS = 14


def first_id(second: int) -> int:
    """The lowest id of a post of this second."""
    return second << POST_BITS


def second_of(post_id: int) -> int:
    """The second that a post is ordered by."""
    return post_id >> POST_BITS


def text_id(post_id: int, number: int) -> int:
    """The id of a post's text with this number."""
    return post_id << TEXT_BITS | number


def text_number(text: int) -> int:
    """The number of a text within its post."""
    return text & ((1 << TEXT_BITS) - 1)
