"""A seeded archive: fictional channels in eight scripts, with an example of everything that a page can show.

All of it went through the functions by which the daemon stores, places and decides; nothing is written past them. Each
post has a name here, so that a test can say which one it means: `seeded.posts["denial"]`.
"""

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.alerts import decide
from bot.alerts.loaded_rules import LoadedRules
from bot.config import Config, load
from bot.config.environment import Environment
from bot.listing.kinds import every_kind
from storage.alerts import claiming, digests, holding, mutes, notices, outbox, target_states
from storage.alerts.settlement import Settlement
from storage.answers import acks, verdicts
from storage.archive.database import Archive
from storage.events.steps import add_step
from storage.media import rows as media_rows
from storage.media.shelf import Shelf
from storage.migrations import migrate
from storage.posts import quarantine, saving, texts
from storage.records import (
    Batch,
    Checked,
    Fetch,
    FetchedMedia,
    FetchedPost,
    Forward,
    GivenText,
    LedgerChange,
    Link,
    NewGap,
    Poll,
    Preview,
    Quarantined,
    Raw,
    Segment,
)
from storage.sources import states

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
BEGIN = 1_763_775_000_000_000  # 2025-11-22T01:30:00Z, when the program was started for the first time
END = BEGIN + 8 * HOUR  # "now" of the archive

CONFIG = """\
# The config of the seeded archive. Nothing in it can be reached: it is there to be read.
[storage]
dir = "data"

[defaults]
every = "2m"
timezone = "Asia/Yangon"
targets = ["desk", "night-desk"]

[[sources]]
name = "river-alliance"
kind = "telegram_web"
channel = "river_alliance_office"
tags = ["public", "brigades"]
side = "resistance"

[[sources]]
name = "hill-rangers"
kind = "telegram_web"
channel = "hill_rangers_desk"
tags = ["public", "brigades"]
side = "resistance"

[[sources]]
name = "state-spokesman"
kind = "telegram_web"
channel = "state_spokesman_room"
tags = ["government"]
side = "junta"

[[sources]]
name = "valley-radio"
kind = "feed"
url = "https://radio.valley.example/statements.xml"
tags = ["public", "press"]
side = "press"

[[sources]]
name = "border-daily"
kind = "feed"
url = "https://daily.border.example/all.xml"
tags = ["public", "press"]
side = "press"

[[sources]]
name = "gulf-observer"
kind = "mastodon"
account = "@observer@gulf.example"
tags = ["press"]
side = "press"

[[sources]]
name = "north-relief"
kind = "website"
url = "https://relief.north.example/statements"
tags = ["public", "relief"]

[[rules]]
name = "regional-command"
query = '"regional command" OR တိုင်းစစ်ဌာနချုပ် OR 军区司令部 OR กองบัญชาการภาค OR "القيادة الإقليمية"'
priority = "high"
description = "Who says that they hold the command at Taungkyar."

[[rules]]
name = "bridges"
query = "bridge OR တံတား"
targets = ["desk"]

[[rules]]
name = "voice-of-the-spokesman"
query = "has:voice"
sources = ["state-spokesman"]
targets = ["desk"]

[[rules]]
name = "deleted-words"
query = "convoy"
targets = ["desk"]

[[rules]]
name = "saved-search"
query = "school OR clinic"
targets = []
description = "Looked at on Fridays; it alerts nobody."

[[terms]]
name = "taungkyar"
kind = "place"
en = ["Taungkyar"]
my = ["တောင်ကြား"]
zh = ["东枝"]

[[pairs]]
rule = "regional-command"
sides = ["junta", "resistance"]

[[targets]]
name = "desk"
kind = "console"

[[targets]]
name = "night-desk"
kind = "console"
"""

CLAIM = (
    "Statement 14: the regional command at Taungkyar is in our hands since 06:20 this morning, and forty of its soldiers"
    " have laid down their weapons before our men."
)
BURMESE = "ကြေညာချက် ၁၄။ တောင်ကြားတိုင်းစစ်ဌာနချုပ်ကို ယနေ့နံနက် ၆ နာရီတွင် အပြီးသတ် သိမ်းပိုက်ရရှိခဲ့ပြီး စစ်သား လေးဆယ် လက်နက်ချခဲ့သည်။"
ZAWGYI = "ေၾကညာခ်က္ ၁၄။ ေတာင္ၾကားတိုင္းစစ္ဌာနခ်ဳပ္ကို ယေန႔နံနက္ ၆ နာရီတြင္ အၿပီးသတ္ သိမ္းပိုက္ရရွိခဲ့ၿပီး စစ္သား ေလးဆယ္ လက္နက္ခ်ခဲ့သည္။"
DENIAL = "Contact with the regional command at Taungkyar has been lost. The fate of its commander is not known to this office."
QUOTE = (
    f'The alliance wrote: "{CLAIM}" Our reporter at Taungkyar could not confirm this. People who live beside the barracks'
    " say that they heard shooting until noon, and that the flag on the gate is still the old one."
)
CHINESE = "河谷联盟声明：今日凌晨，联军已完全控制东枝的军区司令部。副司令被捕，四十名士兵投降。请民众留在家中。"
THAI = "แถลงการณ์: วันนี้เวลาหกนาฬิกา กองกำลังของเราได้เข้าควบคุมกองบัญชาการภาคตะวันออกเฉียงเหนืออย่างสมบูรณ์ และทหารสี่สิบนายยอมจำนน"
SHAN = "လိၵ်ႈပိုၼ်ၽၢဝ်ႇ ၁၅။ သိုၵ်းႁဝ်း ယိုတ်းဢဝ် ၵၢင်ႈၸႂ်ဝဵင်း လႆႈယဝ်ႉ ဝၼ်းၼႆႉ ၵၢင်ၼႂ် ႁူၵ်းမူင်း။ ၸွမ်းၵူၼ်းမိူင်း ယူႇႁိူၼ်းၽႂ်မၼ်း။"
ARABIC = "بيان: سيطرت قواتنا صباح اليوم على القيادة الإقليمية في تاونغيار، وألقى أربعون جنديا أسلحتهم. (رقم 14)"
SPOKEN = "We repeat to all units: the bridge at Lwemaw is closed to every lorry. Nobody may cross it before Friday."
DRAWN = "NOTICE No. 15\nThe regional command remains in its place.\nDepartment of Information"
UNCHANGED = 30  # short posts that fill a list beyond one page


@dataclass(frozen=True, slots=True)
class Seeded:
    """An archive on disk, closed, and what its parts are called."""

    directory: Path
    config: Config
    posts: dict[str, int] = field(default_factory=dict)  # ids by name
    files: dict[str, str] = field(default_factory=dict)  # SHA-256 by name
    alerts: dict[str, int] = field(default_factory=dict)  # ids of matches, by what became of their messages
    now: int = END

    @property
    def data_dir(self) -> Path:
        """Where the archive is."""
        return self.config.data_dir

    @property
    def config_file(self) -> Path:
        """What `--config` gets."""
        return self.directory / "config.toml"

    def in_copy(self, directory: Path) -> "Seeded":
        """The same names for a copy of the directory: relative paths of the config start where it is."""
        return replace(self, directory=directory, config=read_config(directory))


def read_config(directory: Path) -> Config:
    """The checked config of a directory."""
    return load(directory / "config.toml", Environment(), kinds=every_kind())


def seed(directory: Path, fill: "Callable[[Day], object] | None" = None) -> Seeded:
    """Make the archive in an empty or missing directory, or another one of the same config that `fill` fills."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.toml").write_text(CONFIG, encoding="utf-8")
    config = read_config(directory)
    made = Seeded(directory, config)
    config.data_dir.mkdir(mode=0o700, exist_ok=True)
    with Archive(config.data_dir / "communique.db") as archive:
        migrate.ensure(archive, now=BEGIN)
        day = Day(archive, config, made)
        day.begin()
        (fill or _everything)(day)
        day.watch_until(END)
    return made


def _everything(day: "Day") -> None:
    _the_usual(day)
    _one_statement_and_its_copies(day)
    _what_the_spokesman_showed(day)
    _changed_and_gone(day)
    _files_that_did_not_come(day)
    _answers_of_people(day)


@dataclass
class Day:
    """The day on which the archive was filled: what the daemon would do, one step after the other."""

    archive: Archive
    config: Config
    made: Seeded
    now: int = BEGIN
    rules: LoadedRules = field(init=False)
    shelf: Shelf = field(init=False)
    blind: dict[str, tuple[str, str]] = field(default_factory=dict)  # source -> state and reason
    numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rules, self.shelf = LoadedRules.of(self.config), Shelf(self.config.data_dir)

    def begin(self) -> None:
        """Declare sources and rules, and meet every source for the first time."""
        with self.archive.writing() as writer:
            states.declare(
                writer,
                [states.Declared(one.name, one.kind, one.tags, one.side) for one in self.config.sources],
                self.now,
            )
            self.rules.declare(writer, self.now)
        for one in self.config.sources:
            handle = getattr(one, "channel", None)
            words = {"channel_id": f"-100{len(one.name)}{ord(one.name[0])}", "handle": handle} if handle else {}
            title = one.name.replace("-", " ").title()
            self.store(one.name, change=LedgerChange(first_contact=True), title=title, **words)
        self.watch_until(BEGIN)

    def store(self, source: str, *posts: FetchedPost, change: LedgerChange | None = None, **batch: Any) -> list[int]:
        """One reply of a source; the ids of what is new or changed in it."""
        with self.archive.writing() as writer:
            row = states.find_source(writer, source)
            assert row is not None
            saved = saving.save(
                writer,
                row.id,
                Batch(posts=posts, fetch=FETCHED, **batch),
                now=self.now,
                method="page",
                alerts=True,
                change=change,
            )
        self.decide()
        return [*saved.new, *saved.revised]

    def say(self, source: str, name: str, text: str, *, number: int | None = None, **more: Any) -> int:
        """A post, or with the `number` of an earlier one its next revision; its id."""
        self.watch_until(self.now + 4 * MINUTE)
        self.numbers[source] = max(self.numbers.get(source, 0) + 1, number or 0)
        here = number or self.numbers[source]
        post = FetchedPost(
            native_id=str(here),
            raw=Raw(f"<article id={here}>{text}</article>".encode(), "text/html"),
            text=text,
            number=here,
            posted_at=more.pop("posted_at", self.now - 40 * SECOND),
            url=f"https://{source}.example/{here}",
            **more,
        )
        [self.made.posts[name]] = self.store(source, post)
        return self.made.posts[name]

    def watch_until(self, at: int) -> None:
        """Rounds of every source, two minutes apart, up to `at`."""
        while self.now <= at:
            with self.archive.writing() as writer:
                for row in states.list_sources(writer):
                    outcome, reason = self.blind.get(row.name, ("ok", None))
                    states.settle(
                        writer,
                        row.id,
                        outcome=outcome,
                        detail=reason,
                        now=self.now,
                        next_poll_at=self.now + 2 * MINUTE,
                        hold_until=None,
                        failures=0 if outcome == "ok" else row.failures + 1,
                        posts=0,
                    )
            self.now += 2 * MINUTE

    def decide(self) -> None:
        """Place what is new, and run the rules on it."""
        with self.archive.writing() as writer:
            while decide.decide(writer, self.rules, self.now).more:
                pass

    def keep(self, post: int, name: str, content: bytes, *, picture: str | None = None) -> int:
        """The bytes of the post's next file have come; its row."""
        with self.archive.reading() as reader:
            media = int(
                reader.value("SELECT min(id) FROM media WHERE post_id = :post AND state <> 'stored'", {"post": post})
            )
        with self.shelf.arriving(media) as arriving:
            arriving.write(content)
            kept = arriving.keep()
        with self.archive.writing() as writer:
            media_rows.mark_stored(writer, media, kept, self.now, picture=picture)
            add_step(writer, "file", post, self.now, media_id=media, unread=False)
        self.shelf.forget(media)
        self.made.files[name] = kept.sha256
        self.decide()
        return media

    def read(self, post: int, media: int | None, made: texts.MachineText) -> None:
        """An engine has made a text of a file, or of the post's words."""
        with self.archive.writing() as writer:
            text = texts.save_machine_text(writer, media, made, post_id=post)
            if media is not None:
                add_step(writer, "read", post, self.now, media_id=media, text_id=text)
        self.decide()

    def answer(self, target: str, state: Any, name: str, **more: Any) -> None:
        """The next message that is due at a target is sent, put off, or given up."""
        with self.archive.writing() as writer:
            claimed = claiming.claim(writer, target, self.now)
            assert claimed is not None, f"nothing is due at {target}"
            if state == "sent":
                more.setdefault("receipt", f"message {claimed.row.id}")
            outbox.settle(writer, claimed.row.id, Settlement(state, claimed.row.attempts, **more), self.now)
            if claimed.row.match_id is not None:
                self.made.alerts[name] = claimed.row.match_id

    def send_rest(self, target: str) -> None:
        """Everything that is due at a target is sent."""
        while self.due(target):
            self.answer(target, "sent", "sent")

    def due(self, target: str) -> bool:
        """Whether anything is due at a target."""
        with self.archive.reading() as reader:
            return bool(holding.list_waiting(reader, target, 4, self.now))


FETCHED = Fetch("page", "HTTP/1.1 200 OK", "https://office.example/s/statements", (("server", "nginx"),), "0f" * 32)


def _the_usual(day: Day) -> None:
    """Enough short posts for a second page of every list."""
    for number in range(UNCHANGED):
        day.say("valley-radio", f"usual {number}", f"Bulletin {number}: the road to the school and the clinic is open.")


def _one_statement_and_its_copies(day: Day) -> None:
    day.say("river-alliance", "claim", CLAIM, author="Department of Information")
    day.answer("desk", "sent", "sent")
    day.say("river-alliance", "burmese", BURMESE)
    day.answer("desk", "sent", "sent")
    day.say(
        "hill-rangers",
        "forward",
        CLAIM,
        forward=Forward("River Alliance", "https://river-alliance.example/1", "river_alliance_office", "1"),
    )
    day.say("valley-radio", "copy", f"{CLAIM}\n\nValley Radio @valley_radio")
    day.say("hill-rangers", "zawgyi", ZAWGYI)
    day.say("border-daily", "quote", QUOTE, author="N. Reporter")
    day.answer("desk", "sent", "sent")
    day.say("state-spokesman", "denial", DENIAL)
    day.answer("desk", "sent", "sent")
    day.say(
        "border-daily",
        "chinese",
        CHINESE,
        title="河谷联盟：已控制军区司令部",
        links=(Link("声明全文", "https://river-alliance.example/1"),),
    )
    day.answer("desk", "sent", "sent")
    day.read(
        day.made.posts["chinese"],
        None,
        texts.MachineText(
            "translation",
            "Statement of the River Valley Alliance: early today the allied forces took full control of the regional"
            " command at Taungkyar. The deputy commander was arrested and forty soldiers surrendered.",
            "en",
            0.83,
            "fictional-translator",
            "zh-en 2",
        ),
    )
    day.say("valley-radio", "thai", THAI)
    day.say("hill-rangers", "shan", SHAN, reply_to="1")
    day.say(
        "gulf-observer",
        "arabic",
        ARABIC,
        author="مراقب الخليج",
        preview=Preview("https://gulf.example/14", "Gulf", "بيان ١٤", "النص الكامل"),
    )
    day.send_rest("desk")


def _what_the_spokesman_showed(day: Day) -> None:
    picture = FetchedMedia("photo", "p1", "https://office.example/p1.png", "image/png", "notice 15.png", 900)
    voice = FetchedMedia("voice", "v1", "https://office.example/v1.wav", "audio/wav", "order.wav", 24_044, 6.0)
    film = FetchedMedia("video", "f1", None, reason="the page does not give films of this size")
    shown = day.say("state-spokesman", "picture", "Notice 15. See the picture.", media=(picture,))
    media = day.keep(shown, "picture", png(320, 200), picture="0123456789abcdef")
    day.read(shown, media, texts.MachineText("ocr", DRAWN, "en", 0.91, "tesseract", "5.3 eng"))
    day.send_rest("desk")
    spoken = day.say("state-spokesman", "recording", "", media=(voice, film))
    media = day.keep(spoken, "recording", wav(6))
    cut = SPOKEN.index("Nobody")
    segments = (
        Segment(0.4, 3.1, 0, cut, words=((0, 0.4), (3, 0.7), (27, 1.9))),
        Segment(3.4, 5.6, cut, len(SPOKEN), unreliable=True),
    )
    day.read(
        spoken,
        media,
        texts.MachineText("transcript", SPOKEN, "en", 0.72, "sherpa-onnx", "whisper-tiny", segments=segments),
    )
    day.send_rest("desk")
    asked = FetchedMedia("document", "d1", "https://office.example/order.pdf", "application/pdf", "order 15.pdf", 700)
    order = day.say(
        "state-spokesman",
        "document",
        "The order as a document.",
        media=(asked,),
        poll=Poll("Was it read?", ("yes", "no")),
    )
    day.keep(order, "document", b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n")
    day.say("border-daily", "same picture", "The notice that the office showed.", media=(replace(picture, key="x"),))
    day.keep(day.made.posts["same picture"], "picture", png(320, 200), picture="0123456789abcdef")
    day.send_rest("desk")


def _changed_and_gone(day: Day) -> None:
    day.say(
        "hill-rangers",
        "edited",
        "The bridge at Lwemaw is open for every lorry. Two men were hurt there.",
        author="Desk",
    )
    day.answer("desk", "sent", "sent")
    number = day.numbers["hill-rangers"]
    day.say(
        "hill-rangers",
        "edited",
        "The bridge at Lwemaw is closed for lorries. Five men were hurt there.",
        number=number,
        author="Desk",
        edited=True,
    )
    day.say(
        "hill-rangers",
        "edited",
        "The bridge at Lwemaw is closed for lorries. Five men were killed there.",
        number=number,
        author="Desk",
        edited=True,
    )
    day.send_rest("desk")
    gone = day.say("state-spokesman", "deleted", "The convoy left the barracks at noon.")
    day.answer("desk", "sent", "deleted later")
    for _ in range(2):
        day.watch_until(day.now + 10 * MINUTE)
        with day.archive.writing() as writer:
            looked = Checked(str(day.numbers["state-spokesman"]), "absent", "page", control=True, fetch=FETCHED)
            saving.save_check(writer, gone, looked, day.now, apart=5 * MINUTE)
        day.decide()
    day.send_rest("desk")


def _files_that_did_not_come(day: Day) -> None:
    """A source that goes blind, one that got another name, an open gap, and a piece that could not be read."""
    day.blind["north-relief"] = ("unreachable", "the server did not answer within 30 s")
    day.watch_until(day.now + 20 * MINUTE)
    day.blind["gulf-observer"] = ("failing", "HTTP 503")
    day.watch_until(day.now + 30 * MINUTE)
    del day.blind["gulf-observer"]
    day.store("hill-rangers", title="Hill Rangers, the only official channel", handle="hill_rangers_desk")
    gap = NewGap("missed", low=40, high=44, from_at=day.now - HOUR, to_at=day.now)
    day.store("border-daily", change=LedgerChange(opened=(gap,)))
    with day.archive.writing() as writer:
        row = states.find_source(writer, "border-daily")
        assert row is not None
        quarantine.save_pieces(
            writer, row.id, [Quarantined(Raw(b"<entry>", "text/xml"), "the entry has no end", "45")], day.now
        )
        notices.add(writer, day.now, "source border-daily", "source border-daily: 1 piece could not be read")
    given = GivenText("transcript", "The clinic has been open again since Monday.", "another archive", "", "en", 0.6)
    lost = FetchedMedia("voice", "v", "https://daily.border.example/gone.ogg", "audio/ogg", "gone.ogg", 9_000, 7.0)
    post = day.say("border-daily", "file lost", "What a nurse said.", media=(lost,), texts=(given,))
    with day.archive.writing() as writer:
        [media] = writer.column("SELECT id FROM media WHERE post_id = :post", {"post": post})
        media_rows.mark_given_up(writer, media, "gone", "HTTP 404", day.now)


def _answers_of_people(day: Day) -> None:
    """Messages in every state: a mute, a digest, a failure that is tried again, and one that was given up."""
    alerts = day.made.alerts
    day.say("river-alliance", "waiting", "The bridge at Hopang was shelled at dawn; nobody was hurt.")
    day.answer("desk", "pending", "pending", not_before=day.now + HOUR, reason="the target did not answer within 20 s")
    day.say("hill-rangers", "given up", "A bridge of boats was brought to the ford at Namhu.")
    day.answer("desk", "dead", "dead", reason="chat not found: the bot is no member of it")
    with day.archive.writing() as writer:
        target_states.mark_target(writer, "desk", "failing", "chat not found", day.now)
        held = holding.list_waiting(writer, "night-desk", 4, day.now)
        digests.make(writer, "night-desk", "quiet", (BEGIN, day.now), held[: len(held) // 2], day.now)
        holding.hold_quiet(writer, "night-desk", 2, day.now + 6 * HOUR, day.now)
        acks.acknowledge(writer, alerts["deleted later"], "Aye", day.now)
        verdicts.judge_alert(writer, alerts["deleted later"], "Aye", "useful", day.now)
        verdicts.judge_alert(writer, alerts["dead"], "Min", "noise", day.now)
        mutes.add(
            writer,
            mutes.Mute("bridges", None, None, None, "desk", day.now, day.now + 24 * HOUR, "known since Monday", "Aye"),
        )
    day.say("valley-radio", "silenced", "The bridge at Lwemaw is to be painted, says the town.")


def png(width: int, height: int, *, shade: int = 40) -> bytes:
    """A picture of dark bars on white, as a PNG file."""
    bar = bytes(shade if 20 < x < width - 20 else 250 for x in range(width))
    blank = b"\xfa" * width
    lines = b"".join(b"\0" + (bar if y % 32 in range(12, 20) else blank) for y in range(height))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            (b"IDAT", zlib.compress(lines)),
            (b"IEND", b""),
        )
    )


def wav(seconds: int, *, rate: int = 4000) -> bytes:
    """A low tone, as a WAV file."""
    sound = bytes(128 + round(20 * math.sin(x * 440 * math.tau / rate)) for x in range(seconds * rate))
    form = struct.pack("<HHIIHH", 1, 1, rate, rate, 1, 8)
    body = b"WAVE" + b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(body)) + body
