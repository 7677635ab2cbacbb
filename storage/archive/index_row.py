"""PURE: a row of the full-text index: its columns, and the mark before each text in them."""

MARK = "\ue001"  # private use: no phrase begins in one text and ends in the next
KINDS = ("body", "poll", "attached", "card", "transcript", "ocr", "file", "notice", "quoted", "translation")
EARLIER = "earlier"  # what no longer is said
COLUMNS = (*KINDS, EARLIER)
NAMES = ", ".join(COLUMNS)
