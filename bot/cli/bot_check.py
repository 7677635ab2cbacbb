"""What `communique config check --online` says of the bot that answers: token, other listeners, chats, commands."""

from typing import TYPE_CHECKING, Any

from bot.answers.access import find_access
from bot.answers.bot_api import BotApi, Conflict, RefusedRequest
from bot.answers.commands import COMMANDS
from bot.errors import Never

if TYPE_CHECKING:
    from bot.clock import Clock
    from bot.config.model import Config
    from bot.http import Http


async def check_bot(config: "Config", http: "Http", clock: "Clock", *, listens: bool) -> str:
    """What is well, in a few words. `listens`: our own daemon does, so that nobody else is looked for.

    Nothing that waits is taken from the bot. Raises Later and Never.
    """
    access = find_access(config)
    assert access is not None
    api = BotApi(http, clock, access)
    me: Any = await api.call("getMe", {})
    webhook: Any = await api.call("getWebhookInfo", {})
    if webhook.get("url"):
        raise Never("a webhook is set for it", remedy="remove it (deleteWebhook), or give [bot] a bot of its own")
    if not listens:
        try:
            await api.call("getUpdates", {"timeout": 0, "limit": 1})
        except Conflict:
            remedy = "stop it, or give [bot] a bot of its own"
            raise Never("another program hears for it", remedy=remedy) from None
    for chat in config.bot.chats:
        try:
            await api.call("getChat", {"chat_id": chat})
        except RefusedRequest as problem:
            raise Never(f"it does not know the chat {chat} ({problem.reason})", remedy="let it in") from None
    listed: Any = await api.call("getMyCommands", {})
    known = {one.get("command") for one in listed if isinstance(one, dict)}
    missing = [name for name in COMMANDS if name not in known]
    commands = "the next start registers its commands" if missing else "its commands are registered"
    chats = "1 chat" if len(config.bot.chats) == 1 else f"{len(config.bot.chats)} chats"
    return f"@{me.get('username')} hears {chats}; {commands}"
