"""The section [bot]: the Telegram bot that answers."""

from typing import Self

from pydantic import model_validator

from bot.contracts.settings import Name, SecretFile, Settings


class BotConfig(Settings):
    """[bot]: a Telegram bot that answers commands, and buttons under alerts."""

    target: Name | None = None  # a target of kind telegram: its token is used, where there is no other
    token_file: SecretFile | None = None
    chats: tuple[int | str, ...] = ()  # where it answers; nobody else gets anything
    people: tuple[int | str, ...] = ()  # and to whom there; empty: to all
    api_base: str = "https://api.telegram.org"  # of the token in `token_file`

    @property
    def enabled(self) -> bool:
        """Whether there is a bot."""
        return self.target is not None or self.token_file is not None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.model_fields_set and not self.enabled:
            raise ValueError("name a telegram `target`, or a `token_file`")
        if self.enabled and not self.chats:
            raise ValueError("`chats` is missing: without it the bot answers nobody")
        return self
