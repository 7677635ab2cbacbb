"""Which bot of a config answers, and which targets send by it."""

from bot.config import Config
from bot.contracts.target import BotAccess


def find_access(config: Config) -> BotAccess | None:
    """The token and the server of the bot that answers; None if there is none."""
    settings = config.bot
    if settings.token_file is not None:
        return BotAccess(settings.token_file, settings.api_base)
    return next((target.bot() for target in config.targets if target.name == settings.target), None)


def find_answered(config: Config) -> frozenset[str]:
    """The targets with buttons: those that send by the bot that answers, to a chat in which it does."""
    access = find_access(config)
    if access is None:
        return frozenset()
    chats = {str(chat).casefold() for chat in config.bot.chats}
    return frozenset(name for name, chat in find_sharing(config, access).items() if chat.casefold() in chats)


def find_sharing(config: Config, access: BotAccess) -> dict[str, str]:
    """The targets that send by this bot, with their chats."""
    bots = {target.name: found for target in config.targets if (found := target.bot())}
    same = (access.token_file.path, access.api_base)
    return {name: found.chat for name, found in bots.items() if (found.token_file.path, found.api_base) == same}
