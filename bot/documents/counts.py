"""PURE: counts and sizes in words."""


def format_count(number: int, what: str) -> str:
    """Write "1 post", "3 posts"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def format_size(count: int) -> str:
    """Write "512 bytes", "3.4 MB": units of 1,024, as in the config."""
    if count < 1024:
        return "1 byte" if count == 1 else f"{count:,} bytes"
    size, units = count / 1024, ("KB", "MB", "GB", "TB")
    for unit in units:
        if size < 1000 or unit == units[-1]:
            break
        size /= 1024
    return f"{size:,.1f} {unit}"
