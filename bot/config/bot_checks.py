"""Checks [bot]: the bot that it names, and what looks as if people would get no answer, or alerts no buttons."""

import re
from collections.abc import Iterable, Iterator

from bot.config.model import Config
from bot.config.problems import Findings
from bot.contracts.settings import SecretFile
from bot.contracts.target import TargetSettings
from bot.errors import UserError
from bot.suggest import did_you_mean

_NAME = r"@?[A-Za-z]\w{3,31}"


def check_bot(config: Config, targets: Iterable[str], findings: Findings) -> None:
    """Note what is wrong with [bot], and what is odd."""
    name = config.bot.target
    found = next((target for target in config.targets if target.name == name), None)
    if name is not None and name not in targets:
        findings.wrong(("bot", "target"), f'there is no target "{name}"{did_you_mean(name, targets)}')
    elif found is not None and found.bot() is None:
        findings.wrong(("bot", "target"), f'the target "{name}" is no Telegram bot: name one of kind telegram')
    if _is_another(config.bot.token_file, found):
        findings.odd(("bot", "target"), "`token_file` is used, and `target` is not: leave one of them out")
    for index, chat in enumerate(config.bot.chats):
        if not re.fullmatch(rf"{_NAME}|-?[0-9]{{1,20}}", str(chat)):
            findings.odd(("bot", "chats", index), f'"{chat}" is neither "@name" nor the number of a chat')
    for index, person in enumerate(config.bot.people):
        if not re.fullmatch(rf"{_NAME}|[0-9]{{1,20}}", str(person)):
            findings.odd(("bot", "people", index), f'"{person}" is neither "@name" nor the number of a person')
    for sentence in _without_buttons(config, found):
        findings.odd(("bot",), sentence)


def _without_buttons(config: Config, named: TargetSettings | None) -> Iterator[str]:
    """Targets that send by the bot that answers, and whose alerts have no buttons all the same."""
    own = config.bot.token_file
    if own is None and named is not None and (access := named.bot()) is not None:
        own = access.token_file
    chats = {str(chat).casefold() for chat in config.bot.chats}
    number = _bot_number(own)
    for target in config.targets:
        access = target.bot()
        if own is None or access is None:
            continue
        same_file = access.token_file.path == own.path
        if not same_file and number is not None and _bot_number(access.token_file) == number:
            yield f'the target "{target.name}" sends by the same bot from another file, so its alerts have no buttons'
        elif same_file and access.chat.casefold() not in chats:
            yield (
                f'alerts of the target "{target.name}" have no buttons: `chats` does not name its chat as it does,'
                f" {access.chat}"
            )


def _is_another(own: SecretFile | None, named: TargetSettings | None) -> bool:
    """Whether the bot of a token is not that of the target, as far as their files say."""
    access = named.bot() if named is not None else None
    return own is not None and access is not None and access.token_file.path != own.path


def _bot_number(file: SecretFile | None) -> str | None:
    """The public number of a bot, which is the first part of its token."""
    try:
        return None if file is None else file.read().partition(":")[0]
    except UserError:
        return None  # whoever needs the file says so
