"""Alerts by any of the services that Apprise knows (https://github.com/caronc/apprise), in a child process."""

import asyncio
import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from bot.alerts.targets.apprise import child as apprise_child
from bot.child import exchange, started
from bot.contracts.message import Attachment
from bot.contracts.secrets import read_secret
from bot.contracts.settings import SecretFile
from bot.contracts.target import Message, Shows, TargetSettings, TargetTools
from bot.errors import Later, Never
from bot.foreign.inert import JOINER, make_inert

INSTALL = "pip install 'communique[apprise]'"
_DEADLINE_S = 90.0
_ATTEMPT_S = 40.0
_ANSWER_CAP = 1 << 16
_LARGEST = 8 << 20  # most services accept files of this size
_UNITS = 1_900  # most services cut at 2,000; for shorter ones the message comes in parts


class Settings(TargetSettings):
    """A `[[targets]]` entry of kind "apprise": one service. Most of their URLs hold a secret: use `url_file`."""

    kind: Literal["apprise"]
    url: str | None = None
    url_file: SecretFile | None = None

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("an apprise target needs exactly one of url and url_file")
        if importlib.util.find_spec("apprise") is None:
            raise ValueError(f"the apprise package is not installed; run: {INSTALL}")
        return self

    def sends_to(self) -> str:
        """The address of the service, or the file that holds it."""
        return self.url or str(self.url_file.path if self.url_file else "")


class Apprise:
    """One service, one child process per message: Apprise blocks, sleeps and has no deadline of its own."""

    shows = Shows("text", units=_UNITS, caption=_UNITS, file_bytes=_LARGEST)
    idempotent = False
    at_once = 1
    account = None
    chat = None

    def __init__(
        self,
        settings: Settings,
        *,
        proxied: bool,
        python: tuple[str, ...] = (sys.executable, "-I"),
        deadline_s: float = _DEADLINE_S,
    ) -> None:
        self.settings = settings
        self._deadline_s = deadline_s
        self._proxied = proxied
        self._python = python

    async def ready(self) -> None:
        """Each message has its own process; there is no rate limit."""

    async def send(self, message: Message) -> None:
        await self._say(literal(message.plain, message.link), _file(message.attachment), message.link)

    async def check(self) -> str:
        """Let Apprise read the URL; what it names can be asked only by a message."""
        return f"Apprise reads the url: {await self._say(None)}"

    async def _say(self, body: str | None, file: dict[str, str] | None = None, link: str | None = None) -> str:
        """Hand over one message, or none; the name of the service."""
        if self._proxied:
            raise Never("apprise cannot use the proxy of [http]", remedy="use a target of another kind")
        url = self.settings.url or (read_secret(self.settings.url_file) if self.settings.url_file else "")
        verdict = await self._ask({"url": url, "body": body, "link": link, "deadline": _ATTEMPT_S, "file": file})
        status, code = verdict.get("status"), verdict.get("code")
        service = re.sub(r"[^\w .-]", "", str(verdict.get("service", "")))[:40] or "the service"
        if status == "SUCCESS":
            return service
        if status == "MISSING":
            raise Never("the apprise package is not installed", remedy=f"run: {INSTALL}")
        if status == "UNREADABLE":
            raise Never("Apprise cannot read the url", remedy="it must be one Apprise URL, such as ntfy://host/topic")
        if status == "TIMEOUT":
            raise Later(f"{service} gave no answer", unsure=True)
        if code in (401, 403):
            remedy = f"renew its token or address; then `communique alerts test {self.settings.name}`"
            raise Never(f"{service} refuses access (error {code})", remedy=remedy)
        raise Later(f"{service} did not accept the message" + (f" (error {code})" if isinstance(code, int) else ""))

    async def _ask(self, request: dict[str, object]) -> dict[str, object]:
        """Run the child to its end; the URL goes through its stdin, for arguments are visible to everybody.

        Raises Later; it is unsure whether the message arrived only if the child had begun to send it.
        """
        command = (*self._python, str(Path(apprise_child.__file__)))
        too_long = Later("the Apprise process printed too much", unsure=True)
        heard = bytearray()
        try:
            # An empty environment: no proxy and no netrc beside the config.
            async with started(command, environment={}) as process, asyncio.timeout(self._deadline_s):
                answer = await exchange(process, json.dumps(request).encode(), _ANSWER_CAP, too_long, heard)
                code = await process.wait()
        except TimeoutError:
            if not heard:
                raise Later(f"this machine was too busy to send it within {self._deadline_s:.0f} s") from None
            raise Later(f"no answer within {self._deadline_s:.0f} s", unsure=True) from None
        try:
            verdict: dict[str, object] = json.loads(answer)
        except ValueError:
            raise Later(f"the Apprise process ended with {code}", unsure=bool(heard)) from None
        return verdict


def _file(attached: Attachment | None) -> dict[str, str] | None:
    if attached is None:
        return None
    return {"path": str(attached.path.absolute()), "name": attached.name, "mime": attached.mime}


def literal(text: str, link: str | None = None) -> str:
    """Keep foreign words from acting on a service: no mention, no Markdown link, no code. Our own `link` stays whole.

    Invisible word joiners part what would be a mention or a link; a backtick becomes its look-alike.
    """
    return link.join(map(_literal, text.split(link))) if link else _literal(text)


def _literal(text: str) -> str:
    text = re.sub(r"<(?=[@!#:/A-Za-z])", f"<{JOINER}", make_inert(text))
    return text.replace("](", f"]{JOINER}(").replace("`", "\u02cb")


def build(settings: Settings, surroundings: TargetTools) -> Apprise:
    """Make the target behind a checked `[[targets]]` entry."""
    return Apprise(settings, proxied=surroundings.proxied)
