"""What an entry of this kind says without being checked. Cheap: no pydantic."""

from collections.abc import Mapping

from bot.telegram.channel_names import read_channel_name

READS_WITH_ACCOUNT = True


def has_public_pages(entry: Mapping[str, object]) -> bool | None:
    """Whether the entry names the pages of its fallback; None where it allows none."""
    if entry.get("fallback", "telegram_web") == "none":
        return None
    channel = entry.get("channel")
    try:
        return isinstance(channel, str | int) and read_channel_name(channel).handle is not None
    except ValueError:
        return False
