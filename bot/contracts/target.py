"""What a target is: how it is configured, what it can show, what it gives back and what it may raise."""

from typing import TYPE_CHECKING, Annotated, Protocol, TextIO, runtime_checkable
from zoneinfo import ZoneInfo

from pydantic import Field

from bot.clock import Clock
from bot.contracts.message import Message, Shows
from bot.contracts.quiet import QuietHours
from bot.contracts.settings import Name, SecretFile, Settings
from bot.contracts.timetable import DigestTimes
from bot.errors import CommuniqueError, Later, Never
from storage.frozen import dataclass

if TYPE_CHECKING:
    from bot.http import Http

AT_ONCE = 16
"""As many messages as any target is handed at the same time."""

__all__ = [
    "AT_ONCE",
    "Askable",
    "BotAccess",
    "Buttoned",
    "Editable",
    "Message",
    "MessageRefused",
    "Movable",
    "Moved",
    "NoTopics",
    "PartlySent",
    "Shows",
    "Target",
    "TargetSettings",
    "TargetTools",
    "TopicGone",
    "Topical",
]


@dataclass(frozen=True, slots=True)
class BotAccess:
    """A bot of Telegram: where its token is, which server speaks the Bot API, and the `chat` that it writes to."""

    token_file: SecretFile
    api_base: str
    chat: str = ""

    def count_for(self, chat: object) -> str:
        """What `per_minute` counts for: everything that this bot sends to a chat."""
        return f"telegram {self.token_file.path} {chat}"


class TargetSettings(Settings):
    """The keys that every `[[targets]]` entry may have; each kind adds its own."""

    name: Name
    was: Name | None = None  # its former name, whose messages and receipts it takes over
    kind: str
    per_minute: Annotated[int, Field(ge=1)] | None = None  # messages in any minute, at most; None: no limit
    per_hour: Annotated[int, Field(ge=1)] | None = None  # messages in any hour, at most; None: no limit
    quiet: tuple[QuietHours, ...] = ()  # when messages wait, to come as one digest
    fold: bool = True  # True: copies of a statement that was sent there are counted and not sent
    digest: DigestTimes | None = None  # when it also gets what came since its last digest, in one message
    health: bool = False  # True: also gets a message if a source fails or recovers, or a target is suspended

    def bot(self) -> BotAccess | None:
        """The bot by which it sends, if it is one that people can answer."""
        return None

    def warnings(self) -> tuple[tuple[str, str], ...]:
        """What is allowed but looks wrong: (key, sentence)."""
        return ()

    def sends_to(self) -> str:
        """Where it sends, in one string: the same for two entries that send to the same place."""
        return next(iter(self.addresses()), self.kind)

    def addresses(self) -> tuple[str, ...]:
        """The URLs that the user wrote or implied: hosts that a private-address permission may cover."""
        return ()


@dataclass(frozen=True, slots=True)
class TargetTools:
    """What a target may use. `zone` is the second time zone that alerts show beside UTC."""

    http: "Http"
    clock: Clock
    zone: ZoneInfo
    stdout: TextIO
    colour: bool
    proxied: bool = False  # True: [http] proxy is set, so nothing may leave past `http`


class MessageRefused(Never):
    """This one message will never be accepted; the target itself works. Any other `Never` suspends the target."""


class PartlySent(Later):
    """Some of those whom the message is for have it: `receipt` says who. The target works.

    Where it is `over`, the others refuse it for good: the message counts as sent, and a person hears of them once.
    Otherwise the next attempt, whose `Message.progress` is this receipt, is for the others alone.
    """

    def __init__(self, reason: str, *, receipt: str, over: bool, retry_at: int | None = None) -> None:
        super().__init__(reason, retry_at=retry_at)
        self.receipt = receipt
        self.over = over


class Moved(CommuniqueError):
    """The chat `old` of the target is now `new`: the other side said so and took nothing. See `Movable`."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__(f"the chat {old} is now {new}")
        self.old = old
        self.new = new


@runtime_checkable
class Movable(Protocol):
    """A target that may raise `Moved`; then it is made to follow, and the message is sent again at once."""

    def follow(self, old: str, new: str) -> None:
        """Send to the chat `new` if the config still names `old`."""
        ...


class NoTopics(Never):
    """No topic can be opened there; messages can be sent without one."""


class TopicGone(Never):
    """The topic of this message is not there any more, or nobody may write to it; the chat is there."""


@runtime_checkable
class Topical(Protocol):
    """A target that can open a topic for each event; `Message.topic` is then what `open_topic` gave back."""

    opens_topics: bool  # whether the config wants it

    async def open_topic(self, name: str) -> int:
        """Open a topic. `name` is one safe line. Raises what `send` raises, and NoTopics."""
        ...

    async def close_topic(self, topic: int) -> None:
        """Close a topic; one that is closed is no failure. Raises what `send` raises, and TopicGone."""
        ...


@runtime_checkable
class Editable(Protocol):
    """A target that can change a message which it has accepted, by the receipt that it gave.

    A change counts against `per_minute` as a message does, and nobody is notified of it.
    """

    def has_caption(self, receipt: str) -> bool:
        """Whether the words are those beside a file, for which `Shows.caption` holds."""
        ...

    async def edit(self, receipt: str, message: Message) -> None:
        """Let the message say this. Raises what `send` raises; `MessageRefused` if it can never be changed again."""
        ...


@runtime_checkable
class Buttoned(Protocol):
    """A target whose messages may have buttons; the receipt of one that has says `"buttons": true`."""

    async def remove_buttons(self, receipt: str) -> None:
        """Let the message show none. Raises what `send` raises; `MessageRefused` if it can never be changed again."""
        ...


@runtime_checkable
class Askable(Protocol):
    """A target that can ask its other side whether messages would be accepted, without sending one."""

    async def check(self) -> str:
        """What is well, in a few words. Raises Later and Never as `send` does."""
        ...


class Target(Protocol):
    """Somewhere alerts are sent to.

    `send` returns a receipt (text, at most 1,000 characters; None where there is none) and raises only `Later`
    (`unsure=True` if the message may have arrived, `obey=True` with the time that the target asked for),
    `PartlySent` if it reached only some of its people, `MessageRefused` for this message and `Never` for the target;
    one that is `Movable` also `Moved`.
    """

    settings: TargetSettings
    shows: Shows
    idempotent: bool  # True: a repeat under the same message id is absorbed by the receiver
    account: str | None  # a wait that one target asks for holds for all with the same account; None: for it alone
    chat: str | None  # what `per_minute` counts for: targets of one account and chat share it; None: for it alone

    @property
    def at_once(self) -> int:
        """How many messages it is handed at the same time; more than one only where it is `idempotent`.

        A target with `per_minute`, `per_hour` or replies gets one at a time in any case. Messages about the same post
        or event, and those about no post, are never under way together.
        """
        ...

    async def ready(self) -> None:
        """Wait until the target's rate limit allows one more message; called before a delivery is claimed."""
        ...

    async def send(self, message: Message) -> str | None:
        """Hand the message over; returning means that the target has accepted it."""
        ...
