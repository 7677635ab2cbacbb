"""Which bot of a config answers, and which targets send by it."""

from bot.config import Config
from bot.contracts.target import BotAccess
from storage.alerts import notices
from storage.alerts.pace import Pace
from storage.archive.database import Writer

ABOUT = "bot"  # what its trouble is said about


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
    return {name: bot.chat for name, bot in _find_bots(config, access).items()}


def find_paces(config: Config, access: BotAccess) -> dict[str, Pace]:
    """The limits of the chats to which targets send by this bot, by the chat as the config has it."""
    limits = {target.name: target.per_minute for target in config.targets}
    return {
        bot.chat: Pace(access.count_for(bot.chat), limits[name]) for name, bot in _find_bots(config, access).items()
    }


def _find_bots(config: Config, access: BotAccess) -> dict[str, BotAccess]:
    bots = {target.name: found for target in config.targets if (found := target.bot())}
    same = (access.token_file.path, access.api_base)
    return {name: found for name, found in bots.items() if (found.token_file.path, found.api_base) == same}


def end_trouble(writer: Writer, now: int) -> None:
    """There is no bot in the config any more, so that nothing is wrong with it."""
    if notices.read_lasting_one(writer, ABOUT) is not None:
        notices.add(writer, now, ABOUT, "no bot answers any more: the config has none", ends=True)
