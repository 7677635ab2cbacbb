"""Every field of every document that the program prints is on docs/json-output.md, and the other way round."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.archive.database import Archive
from storage.media.shelf import Shelf
from storage.people import persons, tokens
from storage.people.database import PeopleFile
from tests.cli.conftest import NOON, ROOT
from tests.page_of_commands import commands

Program = Callable[..., subprocess.CompletedProcess[str]]
PAGE = (ROOT / "docs" / "json-output.md").read_text(encoding="utf-8")
LATER = 4_000_000_000_000_000  # 2096

CONFIG = """
[telegram]
api_id = 12345
api_hash_file = "hash"
[backup]
to = "backups"
[[terms]]
name = "command"
en = ["regional command"]
not_after = ["former"]
not_before = ["school"]
[[sources]]
name = "spokesman"
kind = "telegram"
channel = "example_channel"
[[sources]]
name = "desk"
kind = "replay"
path = "desk.jsonl"
[[sources]]
name = "broken"
kind = "replay"
path = "missing.jsonl"
[[targets]]
name = "console"
kind = "console"
digest = "daily 08:00"
[[targets]]
name = "hook"
kind = "webhook"
url = "http://127.0.0.1:1/"
[[rules]]
name = "command"
query = '@command OR =bridge OR "a lost"~3 OR army~ OR (in:ocr xyz*) OR (a b) NOT source:nowhere'
targets = ["console"]
escalate = { after = "10m", targets = ["hook"] }
[[engines]]
name = "ears"
kind = "program"
program = ["true"]
"""


@pytest.fixture(scope="module")
def directory(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config and an archive in which every document has something of everything."""
    home = tmp_path_factory.mktemp("everything")
    data = home / "data"
    shutil.copytree(data_dir, data)
    (home / "hash").write_text("0" * 32)
    (home / "hash").chmod(0o600)
    (home / "config.toml").write_text(CONFIG)
    (home / "desk.jsonl").write_text('{"native_id": "1", "text": "One."}\n')
    with Archive(data / "communique.db") as archive, archive.writing() as writer:
        [voice] = writer.column("SELECT id FROM media WHERE kind = 'voice'")
        [post] = writer.column("SELECT post_id FROM media WHERE kind = 'voice'")
        [source] = writer.column("SELECT id FROM sources WHERE name = 'spokesman'")
        shelf = Shelf(data)
        with shelf.arriving(voice) as arriving:
            arriving.write(b"OggS and what was said")
            kept = arriving.keep()
        shelf.forget(voice)
        values = {
            "voice": voice,
            "post": post,
            "source": source,
            "noon": NOON,
            "later": LATER,
            "sha256": kept.sha256,
            "path": kept.path,
            "size": kept.size,
        }
        segments = json.dumps([{"start_s": 0.0, "end_s": 1.0, "start": 0, "end": 6, "words": [[0, 0.5]]}])
        for statement in (
            "UPDATE media SET state = 'stored', sha256 = :sha256, path = :path, size = :size WHERE id = :voice",
            "INSERT INTO media (post_id, key, kind, revision, state, reason, next_try_at, failures) VALUES (:post, 'p', 'photo', 0, 'pending', 'waits for room: the disk is full', :later, 0)",
            f"INSERT INTO texts (id, post_id, kind, media_id, revision, text, folded, fold_version, language, engine, segments, current) VALUES (:post * 16384 + 9, :post, 'transcript', :voice, 0, 'bridge', 'bridge', 1, 'en', 'ears', '{segments}', 1)",
            "INSERT INTO texts (id, post_id, kind, revision, text, folded, fold_version, language, engine, unreliable, current) VALUES (:post * 16384 + 7, :post, 'ocr', 0, 'brigde', 'brigde', 1, 'en', 'eyes', 1, 1)",
            f"INSERT INTO texts (id, post_id, kind, media_id, revision, text, folded, fold_version, language, engine, segments, current) VALUES (:post * 16384 + 8, :post, 'transcript', :voice, 0, 'ridge', 'ridge', 1, 'en', 'ears', '{segments}', 0)",
            "INSERT INTO jobs (kind, post_id, slot, due_at, attempts, patient) VALUES ('ocr', :post, '99', :noon, 0, 0)",
            "INSERT INTO given_up (kind, post_id, slot, at, reason) VALUES ('transcript', :post, CAST(:voice AS TEXT), :noon, 'a crash')",
            "INSERT INTO gaps (source_id, low, high, reason, opened_at, alerts) VALUES (:source, 3, 9, 'unseen', :noon, 0)",
            "INSERT INTO targets (name, state, state_since) VALUES ('hook', 'failing', :noon)",
            "INSERT INTO notices (at, about, text) VALUES (:noon, 'source desk', 'it is back')",
            "INSERT INTO identity_changes (source_id, at, what, before, after, said) VALUES (:source, :noon, 'title', 'One', 'Two', 1)",
            "UPDATE sources SET state = 'renamed', channel_id = '7' WHERE name = 'broken'",
            "INSERT INTO telegram_account (state, state_since) VALUES ('connected', :noon)",
            "INSERT INTO telegram_waits (account, method, until) VALUES ('', 'GetHistory', :later)",
            "UPDATE sources SET kind = 'telegram', reader = 1 WHERE name = 'spokesman'",
            "INSERT INTO events (id, opened_at, newest_at) VALUES (:post, :noon, :noon)",
            "INSERT INTO event_posts (post_id, event_id, reason, at) VALUES (:post, :post, 'first', :noon)",
            "INSERT INTO event_posts (post_id, event_id, reason, measure, at) SELECT max(id), :post, 'words', 0.9, :noon FROM posts WHERE id <> :post",
            "INSERT INTO events (id, opened_at, newest_at, quotes) SELECT min(id), :noon, :noon, :post FROM posts WHERE id <> :post",
            "INSERT INTO event_posts (post_id, event_id, reason, at, added) SELECT min(id), min(id), 'first', :noon, 'not so' FROM posts WHERE id <> :post",
            "INSERT INTO acks (match_id, who, at) VALUES (1, 'anna', :noon)",
            "INSERT INTO verdicts (match_id, who, verdict, at) VALUES (1, 'anna', 'useful', :noon)",
            "INSERT INTO mutes (rule, even_max, from_at, until, why, who) VALUES ('command', 0, :noon, :later, 'so', 'Ada')",
            "INSERT INTO matches (rule, rule_version, post_id, document_hash, kind, at, hits, alerting, why) SELECT 'command', 'v9', id, 'h', 'match', :noon, '[]', 1, 'new match' FROM posts WHERE source_id = :source AND native_id = '3'",
            "INSERT INTO verdicts (match_id, who, verdict, at) SELECT max(id), 'anna', 'noise', :noon FROM matches",
            "INSERT INTO facing (match_id, faces) SELECT 1, max(id) FROM matches",
            "INSERT INTO meta (key, value) SELECT 'events_placed', max(id) FROM revisions",
            "INSERT INTO digest_schedules (target, covered_until, last_delivery) VALUES ('console', :noon, 0)",
            "INSERT INTO digests (target, kind, window_from, window_to, made_at, delivery_id) SELECT 'console', 'quiet', :noon, :noon, :noon + 1, max(id) FROM deliveries",
            "INSERT INTO deliveries (match_id, target, kind, payload, state, held, not_before, attempts, possible_repeat, created_at) VALUES (1, 'hook', 'match', '{}', 'pending', 'late', :noon, 0, 0, :noon)",
            "INSERT INTO deliveries (match_id, target, kind, payload, state, not_before, attempts, possible_repeat, created_at) SELECT max(id), 'console', 'match', '{}', 'sent', :noon, 0, 0, :noon FROM matches",
            "DELETE FROM runs WHERE source_id = :source",
            "INSERT INTO runs (source_id, started_at, ended_at, outcome, rounds, posts) VALUES (:source, 0, :noon - 1, 'ok', 1, 0), (:source, :noon, :noon, 'unreachable', 1, 0), (:source, :noon + 1, :noon + 1, 'ok', 1, 0)",
            "INSERT INTO posts_index (posts_index) VALUES ('rebuild')",
        ):
            writer.execute(statement, values)
    with PeopleFile(data / "people.db") as people, people.writing() as writer:
        ann = persons.add_person(writer, "ann", "desk", ["tag:junta"], None, NOON)
        assert ann is not None
        persons.lock_person(writer, ann.id, NOON)
        token, _ = tokens.add_token(writer, "notebook", ann.id, "read", NOON, LATER)
        tokens.note_use(writer, token.id, NOON)
        tokens.revoke_token(writer, token.id, NOON)
    return home


PERIOD = ("--since", "2025-10-31", "--until", "2025-11-30")
# Each row of the page, with calls that together show everything.
CALLS: dict[str, list[tuple[str, ...]]] = {
    "search": [("search", "bridge OR command OR hostile")],
    "search --count": [("search", "bridge", "--count")],
    "tail": [("tail",)],
    "show": [("show", "spokesman/1"), ("show", "spokesman/3")],
    "show --history": [
        ("show", "spokesman/1", "--history"),
        ("show", "desk/8", "--history"),
        ("show", "spokesman/3", "--history"),
    ],
    "show --open": [("show", "spokesman/1", "--open")],
    "status": [("status",)],
    "sources list": [("sources", "list")],
    "sources history": [("sources", "history", "spokesman")],
    "sources accept": [("sources", "accept", "broken")],
    "sources rhythm": [("sources", "rhythm", "desk")],
    "sources check": [("sources", "check", "desk"), ("sources", "check", "desk", "broken")],
    "media list": [("media", "list")],
    "alerts list": [("alerts", "list")],
    "alerts list --undelivered": [("alerts", "list", "--undelivered")],
    "alerts why": [("alerts", "why", "1")],
    "alerts ack": [("alerts", "ack", "1")],
    "alerts mute": [("alerts", "mute", "--rule", "command", "--for", "2h", "--why", "an exercise", "--by", "Ada")],
    "alerts mutes": [("alerts", "mutes", "--all")],
    "alerts preview": [("alerts", "preview", "console"), ("alerts", "preview", "hook")],
    "alerts test": [("alerts", "test", "console"), ("alerts", "test", "hook")],
    "events list": [("events", "list")],
    "events show": [("events", "show", "spokesman/1")],
    "events rebuild": [("events", "rebuild")],
    "rules list": [("rules", "list")],
    "rules test": [("rules", "test", "--query", "bridge", "a bridge")],
    "rules explain": [
        ("rules", "explain", "command"),
        ("rules", "explain", "--query", "=bridge armi* army ONEAR/3 lost army~ in:ocr NOT x"),
    ],
    "rules decide": [("rules", "decide", "spokesman/1")],
    "rules replay": [("rules", "replay", "--query", "bridge", *PERIOD)],
    "rules suggest": [("rules", "suggest", "command", "--since", "2025-10-31")],
    "stats": [("stats", *PERIOD)],
    "people add": [("people", "add", "guest", "--role", "reader", "--may-read", "tag:junta", "--no-password")],
    "people list": [("people", "list")],
    "tokens add": [("tokens", "add", "feeds", "--owner", "ann")],
    "tokens list": [("tokens", "list")],
    "doctor": [("doctor",)],
    "models": [("models",)],
    "config show": [("config", "show")],
    "config path": [("config", "path")],
    "backup": [("backup", "backups")],
    "restore": [("restore", "backups", "restored")],
}
MADE_FIRST = {"restore": ("backup", "backups")}
FORMS = ("--json", "--jsonl", "--csv")


@dataclass(frozen=True)
class Field:
    """One row of a table: `section` describes the object, or the objects of the list, that it holds."""

    name: str
    section: str
    optional: bool


def heading_of(link: str) -> str:
    return re.sub(r"[^\w\- ]", "", link.lower()).replace(" ", "-")


def sections() -> dict[str, dict[str, Field]]:
    """The tables of fields by the anchor of their heading; a later row replaces what was taken over."""
    found: dict[str, dict[str, Field]] = {}
    _, _, described = PAGE.partition("\n## Posts\n")
    for heading, body in re.findall(r"(?ms)^#{2,3} ([^\n]+)\n(.*?)(?=^#{2,3} |\Z)", described):
        rows = re.findall(r"(?m)^\| ((?:`[\w.]+` ?)+)\| ([^|]+?) \|[^|\n]*\|$", body)
        if not rows:
            continue
        taken = re.search(r"All the fields of \[[^]]+\]\(#([\w-]+)\)", body)
        fields = dict(found[taken[1]]) if taken else {}
        for names, kind in rows:
            link = re.search(r"\(#([\w-]+)\)", kind)
            for name in re.findall(r"`([\w.]+)`", names):
                fields[name] = Field(name, link[1] if link else "", "optional" in kind)
        found[heading_of(heading)] = fields
    return found


SECTIONS = sections()
COMMANDS = {
    command: (tuple(re.findall(r"`(--\w+)`", forms)), link)
    for command, forms, link in re.findall(r"(?m)^\| `([\w -]+)` \| ((?:`--\w+` ?)+)\| (?:[^|(]*\(#([\w-]+)\))?", PAGE)
}


# What no archive of a test shows here, and the test that shows it.
ELSEWHERE = (
    {("the-answer-of-a-source", "said"): "tests/telegram/test_channels.py"}
    | dict.fromkeys(
        [
            *(("a-time-of-day", name) for name in ("time", "words")),
            *(("what-was-missing", name) for name in ("at", "what", "slot", "since", "until")),
        ],
        "tests/cli/test_sources_rhythm.py",
    )
    | dict.fromkeys(
        [("moving-index", name) for name in ("done", "total", "seconds_left", "lacking_bytes")],
        "tests/integration/test_moving_index.py",
    )
)


class Comparison:
    """Which rows of the page were met, and which fields of the documents are on no row."""

    def __init__(self) -> None:
        self.met: set[tuple[str, str]] = set()
        self.missing: set[tuple[str, str]] = set()
        self.unknown: set[tuple[str, str]] = set()

    def look(self, value: object, section: str, inside: str = "") -> None:
        if isinstance(value, list):
            for one in value:
                self.look(one, section, inside)
        if not isinstance(value, dict) or not section:
            return
        fields = SECTIONS[section]
        names = set(value)
        for name, part in value.items():
            path = f"{inside}{name}"
            field = fields.get(path)
            if field:
                self.met.add((section, path))
                self.look(part, field.section)
            elif any(known.startswith(f"{path}.") for known in fields):
                self.look(part, section, f"{path}.")
            else:
                self.unknown.add((section, path))
        for field in fields.values():
            name = field.name.removeprefix(inside).partition(".")[0]
            if field.name.startswith(inside) and name not in names and not field.optional:
                self.missing.add((section, field.name))


def reachable(section: str, seen: set[str]) -> set[tuple[str, str]]:
    """Every row that a document of this section can have."""
    if not section or section in seen:
        return set()
    seen.add(section)
    fields = SECTIONS[section].values()
    return {(section, field.name) for field in fields}.union(*(reachable(field.section, seen) for field in fields))


@pytest.fixture
def here(directory: Path, inside: Program, tmp_path: Path) -> Callable[..., str]:
    """Run a command on this config and archive, and give what it printed.

    Each test has a copy: some commands change the archive.
    """
    home = tmp_path / "home"
    shutil.copytree(directory, home)

    def run(*arguments: str) -> str:
        place = ("--config", str(home / "config.toml"), "--data-dir", str(home / "data"))
        return inside(*place, *arguments).stdout

    return run


@pytest.mark.parametrize("command", CALLS)
def test_the_fields_that_a_command_prints_are_those_of_the_page(here: Callable[..., str], command: str) -> None:
    forms, section = COMMANDS[command]
    if command in MADE_FIRST:
        here(*MADE_FIRST[command])
    compared = Comparison()
    for call in CALLS[command]:
        for form in forms:
            printed = here(*call, form)
            if form == "--csv":
                [header, *_] = csv.reader(io.StringIO(printed))
                assert header == [name for name in header if name in SECTIONS[section]]
                assert set(header) == set(SECTIONS[section])
                continue
            documents = [json.loads(line) for line in (printed.splitlines() if form == "--jsonl" else [printed])]
            assert all(documents)
            compared.look(documents, section)
    assert (compared.unknown, compared.missing) == (set(), set())
    assert reachable(section, set()) - compared.met - set(ELSEWHERE) == set()


def test_every_command_with_machine_output_is_on_the_page_with_its_forms() -> None:
    found = {}
    for name, command, context in commands():
        forms = {form for option in command.get_params(context) for form in option.opts if form in FORMS}
        if forms:
            found[name.removeprefix("communique ")] = forms
    assert found == {name: set(forms) for name, (forms, _) in COMMANDS.items() if " --" not in name}
    assert set(CALLS) == set(COMMANDS)


def test_every_table_of_the_page_belongs_to_a_command() -> None:
    seen: set[str] = set()
    for _, section in COMMANDS.values():
        reachable(section, seen)
    taken = set(re.findall(r"All the fields of \[[^]]+\]\(#([\w-]+)\)", PAGE))
    assert set(SECTIONS) <= seen | taken
