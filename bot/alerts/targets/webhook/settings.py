"""The keys of a `[[targets]]` entry of kind "webhook"."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ValidationInfo, model_validator

from bot.contracts.settings import ConfigPath, SecretFile
from bot.contracts.target import TargetSettings
from bot.errors import UserError


def _mime(written: str) -> str:
    if not re.fullmatch(r"[a-z]+/[a-z0-9.+-]+(; ?charset=[a-z0-9-]+)?", written):
        raise ValueError(f'expected a type such as "application/json", got {written!r}')
    return written


class Settings(TargetSettings):
    """A `[[targets]]` entry of kind "webhook"; without `secret_file` nothing is signed."""

    kind: Literal["webhook"]
    url: str | None = None
    url_file: SecretFile | None = None  # if the address itself is a secret
    secret_file: SecretFile | None = None  # "whsec_" and base64, or any text
    template_file: ConfigPath | None = None  # Jinja2; without it the documented JSON is sent
    content_type: Annotated[str, AfterValidator(_mime)] = "application/json"
    fold: bool = False  # a program can count by itself: `data.event` says what belongs together

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("a webhook needs exactly one of url and url_file")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError("url must begin with http:// or https://")
        return self

    @model_validator(mode="after")
    def _sound_template(self, info: ValidationInfo) -> Self:
        """Only a config that is being loaded has its files looked at."""
        if self.template_file is None and self.content_type != "application/json":
            raise ValueError("content_type is for a template_file: without one JSON is sent")
        if self.template_file is not None and info.context:
            from bot.alerts.targets.webhook.template import find_problem, read_template

            problem = find_problem(read_template(self.template_file), self.content_type)
            if problem:
                raise ValueError(f"template_file {self.template_file.name}: {problem}")
        return self

    def addresses(self) -> tuple[str, ...]:
        if self.url is not None:
            return (self.url,)
        try:
            return (self.url_file.read(),) if self.url_file else ()
        except UserError:
            return ()
