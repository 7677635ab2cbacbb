"""A story: what happens in a Telegram world, and what somebody who knows none of our code can say of it afterwards."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from tests.telegram.in_process import PHONE
from tests.telegram_world import Fault, File, World

PAGE = 100  # messages that one look at the present shows
CHANGES = ("edit", "edit", "edit back", "silent edit", "react", "storm", "delete", "silent delete", "false alarm")
CALM = (
    "publish", "publish", "whisper", "burst", "album", "shuffled album", "part", "part", "file", "reply", "forward",
    "withheld", *CHANGES,
)  # fmt: skip
LOOKS = ("rest", "poll", "poll", "check")
FAULTS = (
    "cut", "close", "half", "hole", "refuse", "no pushes", "slow", "swallow", "error", "unknown", "odd push", "throttle",
    "skew", "salts", "references", "omit", "blind", "too long", "flood", "flood", "media flood", "kill", "kill",
)  # fmt: skip
ENDS = ("revoke", "duplicate", "freeze", "forget keys")
MOVES = ("rename", "squat", "close", "ban", "gone")
CURES = ("heal", "heal", "come back", "sign in")
_METHODS = (
    "messages.getHistory", "messages.getHistory", "channels.getMessages", "updates.getChannelDifference",
    "updates.getState", "upload.getFile", "contacts.resolveUsername",
)  # fmt: skip
_ERRORS = ((400, "CHANNEL_PRIVATE"), (500, "INTERNAL"), (-503, "TIMEOUT"), (400, "NOBODY_KNOWS_THIS"), (406, "ODD"))
_REVOKED = ("SESSION_REVOKED", "AUTH_KEY_UNREGISTERED", "SESSION_EXPIRED")
_LOSSY = ("cut", "close", "half", "hole", "refuse", "slow", "swallow", "throttle", "skew", "kill", *ENDS)


@dataclass(slots=True)
class Said:
    """One message with every wording that it ever had. `since`: how it lies to the first look at its channel."""

    number: int
    texts: list[str]
    since: Literal["before", "meanwhile", "after"]
    album: int | None = None
    data: bytes | None = field(default=None, repr=False)
    reply_to: int | None = None
    forward: int | None = None
    withheld: bool = False
    standing: bool = True


@dataclass(slots=True)
class Post:
    """What people take for one post: a message, or all parts of an album."""

    parts: list[Said]

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset(one.number for one in self.parts)

    @property
    def standing(self) -> list[Said]:
        return [one for one in self.parts if one.standing]

    @property
    def text(self) -> str:
        return "\n".join(one.texts[-1] for one in self.standing if one.texts[-1])

    @property
    def withheld(self) -> bool:
        return any(one.withheld for one in self.parts)

    def must_alert(self) -> bool:
        """It came while we watched, and still says what was asked for."""
        whole = len(self.standing) == len(self.parts)
        return whole and self.parts[0].since == "after" and "hit" in self.text and not self.withheld

    def may_alert(self) -> bool:
        return self.parts[0].since != "before" and any("hit" in text for one in self.parts for text in one.texts)


@dataclass(slots=True)
class Watched:
    """One channel that a source of ours watches."""

    source: str
    channel: int
    said: dict[int, Said] = field(default_factory=dict)
    reached: Literal["before", "meanwhile", "after"] = "before"
    polled: set[tuple[int, str]] = field(default_factory=set)  # wordings that stood there at a poll, by any number
    reserved: list[int] = field(default_factory=list)  # ids of album parts that are still to come
    album: int = 0
    shut: bool = False
    lost: bool = False  # for good

    def posts(self) -> list[Post]:
        together: dict[object, list[Said]] = {}
        for number in sorted(self.said):
            one = self.said[number]
            together.setdefault(one.album or (number,), []).append(one)
        return [Post(parts) for parts in together.values()]

    def standing(self) -> list[Said]:
        """What can be changed: not the first line of a channel, nor what is withheld."""
        return [one for one in self.said.values() if one.standing and one.number > 1 and not one.withheld]

    def newest_page(self) -> Iterator[Post]:
        """Posts that stand whole among the newest messages."""
        page = set(sorted(one.number for one in self.said.values() if one.standing)[-PAGE:])
        return (post for post in self.posts() if post.standing and {one.number for one in post.standing} <= page)


class Story:
    """A world with a joined channel, one that is not joined, and a third that posts are forwarded from."""

    ENTRIES: ClassVar[dict[str, dict[str, object]]] = {
        "post": {"channel": "@border_post", "backfill": "all", "recheck": ["1h"]},
        "river": {"channel": "@river_guard", "mode": "short", "backfill": "all", "recheck": ["1h"]},
    }

    def __init__(self, history: int) -> None:
        self.world = World()
        self.world.accounts.open(PHONE)
        handles = {"post": "border_post", "river": "river_guard"}
        members = {"post": [PHONE], "river": []}
        self.watched = {
            name: Watched(name, self.world.open_channel(handle, handle, members=members[name]))
            for name, handle in handles.items()
        }
        far = self.world.open_channel("far_office", "Far Office")
        self.origins = [self.world.publish(far, f"Far away, {count}: a hit.") for count in range(3)]
        self.sign_in: Callable[[], object] = lambda: None
        self.ended = False
        self.lossy = False  # a reply may have been lost on its way, or with its process
        self.ahead = 0  # microseconds that our clock is before the world's
        self.waits: dict[
            str, tuple[float, float]
        ] = {}  # methods: since when we know of a wait that stands, and its end
        self.names: dict[str, float] = {}  # names: since when we know what they lead to
        self.silent: int | None = None  # calls that had been made when the account was known to be dead
        self._count = 0
        for watched in self.watched.values():
            watched.said[1] = Said(1, ["Channel created"], "before")
            for count in range(history if watched.source == "post" else 3):
                self.say(watched, count)

    # What happens

    def happen(self, what: str, which: int) -> None:
        """Anything but a kill, a rest and a look."""
        watched = self.watched["river" if which % 4 == 3 else "post"]
        self.lossy = self.lossy or what in _LOSSY
        if what in CALM:
            self._calm(watched, what, which)
        elif what in ENDS:
            self._end(what, which)
        elif what in MOVES:
            self._move(watched, what, which)
        elif what in CURES:
            self._cure(what)
        else:
            self._suffer(watched, what, which)

    def say(self, watched: Watched, which: int, **how: Any) -> Said:
        """A message of its own; `how` goes to the world."""
        said = Said(0, [self._words(which)], watched.reached)
        file: File | None = how.get("file")
        said.data = file.data if file is not None else None
        said.album, said.reply_to = how.get("album"), how.get("reply_to")
        if "text" in how:
            said.texts = [how.pop("text")]
        said.withheld = "restricted" in how
        said.number = self.world.publish(watched.channel, said.texts[0], **how)
        watched.said[said.number] = said
        return said

    def _words(self, which: int) -> str:
        self._count += 1
        return f"Report {self._count}: {'a hit' if which % 2 else 'a convoy'}."

    def _file(self, which: int) -> File:
        self._count += 1
        data = f"file {self._count}".encode() * (1 + which % 40_000)
        kind: Any = ("photo", "voice", "photo", "audio")[which % 4]
        return File(kind, data, name="statement.mp3" if kind == "audio" else "")

    def _calm(self, watched: Watched, what: str, which: int) -> None:
        if what in CHANGES:
            self._change(watched, what, which)
        elif what in ("album", "shuffled album", "part"):
            self._album(watched, what, which)
        elif what == "burst":
            for count in range(20 + which % 130):
                self.say(watched, count % 7)
        elif what == "file":
            self.say(watched, which, file=self._file(which))
        elif what == "reply":
            self.say(watched, which, reply_to=sorted(watched.said)[which % len(watched.said)])
        elif what == "forward":
            origin = self.origins[which % len(self.origins)]
            number = self.world.forward(watched.channel, "far_office", origin)
            watched.said[number] = Said(
                number, [self.world.text("far_office", origin)], watched.reached, forward=origin
            )
        elif what == "withheld":
            self.say(watched, which, text="", restricted="This cannot be shown here.")
        else:
            self.say(watched, which, silent=what == "whisper")

    def _album(self, watched: Watched, what: str, which: int) -> None:
        """Parts in order, all at once or one a step; or all at once, out of order."""
        if what != "part" or not watched.reserved:
            self.finish(watched)
            watched.reserved = self.world.reserve(watched.channel, 2 + which % 4)
            watched.album = 13_000_000_000_000_000 + self._count
            if what == "shuffled album":
                turn = which % len(watched.reserved)
                watched.reserved = [*watched.reserved[turn:], *watched.reserved[:turn]][:: 1 if which % 3 else -1]
        self._part(watched, which)
        if what != "part":
            self.finish(watched)

    def _part(self, watched: Watched, which: int) -> None:
        number = watched.reserved.pop(0)
        first = not any(one.album == watched.album for one in watched.said.values())
        text = self._words(which) if which % 5 == 0 or first is (which % 3 != 0) else ""
        self.say(
            watched, which, text=text, file=File("photo", self._file(which).data), number=number, album=watched.album
        )

    def finish(self, watched: Watched) -> None:
        """Let the parts come that are still owed."""
        while watched.reserved:
            self._part(watched, len(watched.reserved))

    def _change(self, watched: Watched, what: str, which: int) -> None:
        standing = watched.standing()
        if what == "storm":
            for count in range(which % 40):
                self.world.react(watched.channel, standing[count % len(standing)].number)
        elif standing:
            self.change(watched, what, standing[which % len(standing)], which)

    def change(self, watched: Watched, what: str, one: Said, which: int) -> None:
        """One message that stands is changed, or gone, or only looked at by many."""
        match what:
            case "react":
                self.world.react(watched.channel, one.number, views=which)
            case "false alarm":
                self.world.push_false_deletion(watched.channel, one.number)
            case "delete" | "silent delete":
                one.standing = False
                self.world.delete(watched.channel, one.number, silent=what != "delete")
            case _:
                text = one.texts[0] if what == "edit back" else self._words(which)
                if text != one.texts[-1]:
                    one.texts.append(text)
                    self.world.edit(watched.channel, one.number, text, silent=what == "silent edit")

    # What goes wrong

    def _suffer(self, watched: Watched, what: str, which: int) -> None:
        world, faults = self.world, self.world.faults
        method = _METHODS[which % len(_METHODS)]
        match what:
            case "cut" | "close" | "half":
                faults.cut({"cut": "reset", "close": "close", "half": "half"}[what])  # type: ignore[arg-type]
            case "hole":
                faults.black_hole = which % 3 != 0
            case "refuse":
                faults.refusing = True
                faults.cut()
            case "no pushes":
                faults.swallow_pushes = which % 3 != 0
            case "slow":
                faults.latency = which % 8 / 10
            case "swallow":
                faults.suffer(Fault(method, swallow=True, times=1 + which % 2))
            case "error":
                faults.suffer(Fault(method, error=_ERRORS[which % len(_ERRORS)]))
            case "unknown":
                faults.suffer(Fault(method if which % 2 else None, unknown=True))
            case "odd push":
                world.push_unknown(PHONE)
            case "throttle":
                faults.transport_error(-429)
            case "skew":
                faults.skew = (which % 5 - 2) * 1_800.0
            case "salts":
                world.accounts.rotate_salts()
            case "references":
                world.expire_file_references()
            case "omit":
                faults.difference_omits_edited = True
            case "blind":
                faults.blind_lookups = True
            case "too long":
                world.forget_log(watched.channel)
                world.push_channel_too_long(watched.channel)
            case "flood":
                faults.flood(("messages.getHistory", "channels.getMessages")[which % 3 == 0], 0.9)
            case "media flood":
                faults.flood("upload.getFile", 3_600, kind="FLOOD_PREMIUM")

    def _end(self, what: str, which: int) -> None:
        """The account is at its end until somebody signs in again."""
        accounts, self.ended = self.world.accounts, True
        match what:
            case "revoke":
                accounts.end_sessions(PHONE, _REVOKED[which % len(_REVOKED)], told=which % 2 == 0)
            case "duplicate":
                accounts.duplicate_keys(PHONE)
            case "freeze":
                accounts.freeze(PHONE)
            case _:
                accounts.forget_keys()

    def _move(self, watched: Watched, what: str, which: int) -> None:
        world = self.world
        if watched.shut or watched.lost or watched.reached != "after":
            return  # a name that was never resolved leads nowhere once the channel has another
        match what:
            case "rename":
                world.rename(watched.channel, f"moved_{which}")
            case "squat" if world.channel(watched.channel).handle:
                world.squat(world.channel(watched.channel).handle or "", "Squatters")
            case "ban":
                world.ban(watched.channel, PHONE)
                watched.shut = True
            case "close":
                world.make_private(watched.channel)
                watched.shut = watched.source == "river"
            case "gone":
                world.delete_channel(watched.channel)
                watched.shut, watched.lost = True, which % 3 == 0

    def _cure(self, what: str) -> None:
        if what == "heal":
            self.world.faults.heal()
        elif what == "sign in" and self.ended:
            self.world.accounts.freeze(PHONE, frozenset())
            self.sign_in()
            self.ended, self.silent = False, None
        elif what == "come back":
            for watched in self.watched.values():
                self._open(watched)

    def _open(self, watched: Watched) -> None:
        if watched.shut and not watched.lost:
            if watched.source == "post":
                self.world.pardon(watched.channel, PHONE)
            else:
                self.world.channel(watched.channel).banned.clear()
            self.world.make_public(watched.channel, f"again_{watched.source}")
            watched.shut = False

    def peace(self) -> None:
        """Nothing is wrong any more, but for channels that are gone for good."""
        for what in ("heal", "come back", "sign in"):
            self._cure(what)
        for watched in self.watched.values():
            self.finish(watched)
