"""Words in a doubtful reading: what is too long to be chance alerts once, as possible, with the file."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.alerts import decide
from bot.alerts.loaded_rules import LoadedRules
from bot.alerts.plan import Reason
from bot.alerts.possible import count_syllables, find_possible
from bot.config.model import Config, RuleConfig
from bot.contracts.source import SourceSettings
from bot.rules import Rule, compile_rules
from storage import jobs
from storage.alerts import matches
from storage.jobs import NewJob
from storage.language.fold import fold
from storage.language.match import Document, DocumentText, only_reliable
from storage.language.query import parse
from storage.media import readings
from storage.media import rows as media_rows
from storage.media.shelf import Kept
from storage.posts import texts
from storage.records import FetchedMedia, Hit, MatchRow, Segment

PHOTO = FetchedMedia("photo", "p1", url="https://cdn.example/p1.jpg?token=1")
KEPT = Kept("ab" * 32, 9_000, f"media/ab/ab/{'ab' * 32}", "image/jpeg")
BURMESE = "အရှေ့မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်ကို သိမ်းပိုက်နိုင်ခဲ့ပြီ"


def document(text: str, *, body: str = "", unreliable: bool = True, kind: str = "ocr") -> Document:
    found = [DocumentText(2, kind, text, fold(text), "en", 0.4, unreliable)]
    if body:
        found.insert(0, DocumentText(1, "body", body, fold(body), "en", None))
    return Document(1, "gallery", frozenset(), None, None, None, "en", frozenset({"photo"}), 0, tuple(found))


def telling(query: str, document: Document) -> list[str] | None:
    """The words that would alert; none if they are only noted, None if nothing is found at all."""
    ruleset = compile_rules([Rule("rule", parse(query), "1"), Rule("other", parse('"statement of the council"'), "1")])
    sure = [match.rule for match in ruleset.match(only_reliable(document))]
    found = find_possible(document, ruleset, sure).get("rule")
    if found is None:
        return None
    whole = {text.text_id: text.text for text in document.texts}
    return [whole[hit.text_id][hit.start : hit.end] for hit in found.hits] if found.telling else []


@pytest.mark.parametrize(
    ("words", "syllables"),
    [
        ("regional command", 5), ("surrendered", 4), ("commander", 3), ("KIA", 1), ("Hsenwi", 2), ("14/2024", 0), ("F-16", 1), ("rhythm", 1),
        ("лінія фронту", 5), ("တိုင်းစစ်ဌာနချုပ်", 5), ("လားရှိုး", 2), ("东北军区司令部", 7), ("投降", 2),
    ],
)  # fmt: skip
def test_syllables_are_counted_as_people_hear_them(words: str, syllables: int) -> None:
    assert count_syllables(fold(words)) == pytest.approx(syllables, abs=1 if " " in words else 0)


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ('"regional command"', "the regional command has fallen", ["regional command"]),
        ('"regional command"', "tne regionol command nas fallen", ["regionol command"]),
        ('"regional command"', "the regionalcommand has fallen", ["regionalcommand"]),
        ('"regional command"', "the regi onal com mand has", ["regi onal com mand"]),
        ('"regional command"', "the reqionol cornmond has fallen", None),  # more wrong than a reader would guess
        ('"regional command"', "the regional road", None),
        ("surrendered", "they surrendered", ["surrendered"]),
        ("commander", "the comander", None),  # three syllables must be right
        ("commander", "commander", ["commander"]),
        ("Hsenwi", "road to Hsenwi", []),
        ("drone", "a drone", []),
        ("14/2024", "No. 14/2024", []),
        ("တိုင်းစစ်ဌာနချုပ်", BURMESE, ["တိုင်းစစ်ဌာနချုပ်"]),
        ("တိုင်းစစ်ဌာနချုပ်", BURMESE.replace("ဌာန", "ဌာဏ"), ["တိုင်းစစ်ဌာဏချုပ်"]),
        ("သိမ်းပိုက်နိုင်ခဲ့ပြီ", BURMESE.replace("ပိုက်", "ပိုတ်"), ["သိမ်းပိုတ်နိုင်ခဲ့ပြီ"]),
        ("东北军区司令部", "东北军区司今部", ["东北军区司今部"]),
        ("投降", "投降", []),
        ('"regional command" AND surrendered', "regionol command surrendered", ["regionol command", "surrendered"]),
        ('"regional command" NOT denied', "regionol command, denied", None),
        ('"regional command" NOT bridge', "regionol command, bridge", None),
        ('in:text "regional command"', "the regional command", None),
        ('in:ocr "regional command"', "the regionol command", ["regionol command"]),
        ("source:gallery", "the regional command", None),
        ('-"regional command"', "the regional command", None),
    ],
)  # fmt: skip
def test_words_that_are_too_long_for_chance_are_told(query: str, text: str, found: list[str] | None) -> None:
    assert telling(query, document(text)) == found


def test_what_is_sure_is_not_possible_as_well() -> None:
    assert (
        telling('"regional command"', document("the regionol command", body="The regional command has fallen.")) is None
    )
    assert telling('"regional command"', document("the regional command", unreliable=False)) is None
    assert telling('"regional command"', document("the regionol command", unreliable=False)) is None


def test_one_word_in_the_post_and_one_in_a_doubtful_picture_are_found_together() -> None:
    found = telling('surrendered AND "regional command"', document("the regionol command", body="They surrendered."))
    assert found == ["regionol command"]


def test_many_rules_on_a_page_cost_little() -> None:
    import time

    names = [f"{first}{second} brigade" for first in ("north", "south", "inner", "upper") for second in range(500)]
    rules = [Rule(name, parse(f'"{name} of the republican army"'), "1") for name in names]
    ruleset = compile_rules(rules)
    page = document("the regionol command has been taken by forces of the people. " * 30)
    began = time.process_time()
    assert find_possible(page, ruleset, ()) == {}
    assert time.process_time() - began < 20


# Through the line ------------------------------------------------------------------------------------------------------


class Reader:
    """A desk whose pictures are read by an engine that is not always sure."""

    def __init__(self, line: Any, tmp_path: Any) -> None:
        source = SourceSettings.model_validate({"name": "spokesman", "kind": "replay"})
        rule = RuleConfig(name="fall", query='"regional command"', targets=("desk",))
        config = Config(path=None, directory=tmp_path, data_dir=tmp_path, rules=(rule,), sources=(source,))
        self.line, self.rules = line, LoadedRules.of(config)
        with line.archive.writing() as writer:
            self.rules.declare(writer, line.now)

    def post(self, text: str = "") -> int:
        post_id: int = self.line.post(text, media=(PHOTO,))
        with self.line.archive.writing() as writer:
            assert media_rows.mark_stored(writer, 1, KEPT, self.line.now)
        return post_id

    def read(self, post_id: int, text: str, *, unreliable: bool = True, segments: tuple[Segment, ...] = ()) -> None:
        made = texts.MachineText("ocr", text, "en", 0.4 if unreliable else 0.9, "eyes", "m", unreliable, segments)
        with self.line.archive.writing() as writer:
            readings.mark_read(writer, 1, "eyes 1", self.line.now)
            if texts.save_machine_text(writer, 1, made, post_id=post_id) is not None:
                jobs.enqueue(writer, [NewJob("decide", post_id, self.line.now)])

    def decide(self) -> list[tuple[str, bool]]:
        with self.line.archive.writing() as writer:
            decide.decide(writer, self.rules, self.line.now)
        rows = self.line.rows("select why, alerting from matches order by id")
        return [(row["why"], bool(row["alerting"])) for row in rows]


@pytest.fixture
def reader(line: Any, tmp_path: Any) -> Reader:
    return Reader(line, tmp_path)


def test_a_doubtful_picture_gives_one_alert_that_says_possible(
    reader: Reader, line: Any, told: Callable[..., Any]
) -> None:
    post_id = reader.post()
    reader.read(post_id, "The regionol command has fallen.")
    assert reader.decide() == [(Reason.POSSIBLE, True)]
    desk = told("desk")
    line.drain(desk)
    [message] = desk.got
    assert "(possible)" in message.plain.splitlines()[0]
    assert "«regionol command»" in message.text or "regionol command" in message.plain
    assert message.document["data"]["possible"] is True
    assert [passage["possible"] for passage in message.document["data"]["matched"]] == [True]


def test_the_picture_is_attached(reader: Reader, line: Any, tmp_path: Any) -> None:
    from bot.alerts.files import list_attachments
    from storage.alerts.matches import read_story
    from storage.posts.reading import read_posts

    post_id = reader.post()
    reader.read(post_id, "The regional command has fallen.")
    reader.decide()
    with line.archive.reading() as found:
        story = read_story(found, 1)
        assert story is not None
        [post] = read_posts(found, [post_id])
    assert [file.path for file in list_attachments(story, post, tmp_path)] == [tmp_path / KEPT.path]


def test_the_same_words_read_surely_later_alert_nobody_again(reader: Reader) -> None:
    post_id = reader.post()
    reader.read(post_id, "The regionol command has fallen.")
    reader.decide()
    reader.read(post_id, "The regional cornmand has fallen.")
    reader.decide()
    reader.read(post_id, "The regional command has fallen.", unreliable=False)
    assert reader.decide() == [(Reason.POSSIBLE, True)]


def test_a_sure_match_before_leaves_nothing_that_is_possible(reader: Reader) -> None:
    post_id = reader.post("The regional command has fallen.")
    assert reader.decide() == [(Reason.NEW, True)]
    reader.read(post_id, "The regionol command has fallen.")
    assert reader.decide() == [(Reason.NEW, True)]


def test_what_the_source_writes_afterwards_is_an_edit_that_alerts(reader: Reader, line: Any) -> None:
    post_id = reader.post()
    reader.read(post_id, "The regionol command has fallen.")
    reader.decide()
    line.post("The regional command has fallen.", media=(PHOTO,))
    assert reader.decide() == [(Reason.POSSIBLE, True), (Reason.EDITED, True)]


def test_short_words_are_noted_once_and_alert_nobody(reader: Reader, line: Any, tmp_path: Any) -> None:
    rule = RuleConfig(name="fall", query="Hsenwi", targets=("desk",))
    source = SourceSettings.model_validate({"name": "spokesman", "kind": "replay"})
    config = Config(path=None, directory=tmp_path, data_dir=tmp_path, rules=(rule,), sources=(source,))
    reader.rules = LoadedRules.of(config)
    with line.archive.writing() as writer:
        reader.rules.declare(writer, line.now)
    post_id = reader.post()
    reader.read(post_id, "The road to Hsenwi")
    assert reader.decide() == [(Reason.UNRELIABLE, False)]
    reader.read(post_id, "The road to Hsenwi is closed")
    assert reader.decide() == [(Reason.UNRELIABLE, False)]


def test_what_an_earlier_release_noted_about_a_picture_is_no_alert_of_today(reader: Reader, line: Any) -> None:
    post_id = reader.post()
    reader.read(post_id, "The regional command has fallen.")
    with line.archive.writing() as writer:
        text_id = writer.value("SELECT id FROM texts WHERE kind = 'ocr'")
        hit = Hit(text_id, "ocr", 4, 20, "regional command")
        version = reader.rules.loaded[0][1]
        note = MatchRow(
            "fall", version, post_id, "as it was", "match", 1, (hit,), alerting=False, why=Reason.UNRELIABLE
        )
        matches.save(writer, note, (), 1)
    line.post("A caption.", media=(PHOTO,))
    assert reader.decide() == [(Reason.UNRELIABLE, False)]


def test_a_picture_that_is_read_a_second_time_alerts_nobody(reader: Reader, line: Any) -> None:
    post_id = reader.post()
    reader.read(post_id, "nothing that a rule looks for", unreliable=False)
    assert reader.decide() == []
    reader.read(post_id, "The regional command has fallen.", unreliable=False)
    assert reader.decide() == [(Reason.READ_AGAIN, False)]
    line.post("Another caption.", media=(PHOTO,))
    assert [alerting for _, alerting in reader.decide()] == [False]


def test_a_doubtful_second_reading_alerts_nobody_either(reader: Reader) -> None:
    post_id = reader.post()
    reader.read(post_id, "nothing that a rule looks for", unreliable=False)
    reader.decide()
    reader.read(post_id, "The regionol command has fallen.")
    assert reader.decide() == [(Reason.UNRELIABLE, False)]
