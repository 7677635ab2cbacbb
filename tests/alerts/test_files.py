"""Alerts on files as they come, before anybody has heard them; and what their words add later."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.alerts import decide
from bot.alerts.decide import Decided
from bot.alerts.files import list_attachments
from bot.alerts.loaded_rules import LoadedRules
from bot.alerts.material import read_alert
from bot.alerts.plan import Reason
from bot.alerts.render import render
from bot.config.model import Config, RuleConfig
from bot.contracts.message import Shows
from bot.contracts.source import SourceSettings
from bot.foreign.graphemes import count_units
from storage import jobs
from storage.jobs import NewJob
from storage.media import rows as media_rows
from storage.media.shelf import Kept
from storage.posts import texts
from storage.records import DeliveryRow, FetchedMedia, Segment

SECOND = 1_000_000
VOICE = FetchedMedia("voice", "v1", url="https://cdn.example/v1.ogg?token=1", duration_s=42.0)
KEPT = Kept("ab" * 32, 9_000, f"media/ab/ab/{'ab' * 32}", "audio/ogg")


def deciding(
    tmp_path: Any,
    *,
    alert_on: Sequence[str] = ("voice",),
    targets: Sequence[str] = ("desk",),
    more: tuple[RuleConfig, ...] = (),
) -> LoadedRules:
    source = SourceSettings.model_validate(
        {"name": "spokesman", "kind": "replay", "alert_on": list(alert_on), "alert_targets": list(targets)}
    )
    rule = RuleConfig(name="fall", query='"regional command"', targets=("desk",))
    rules = (rule, *more)
    return LoadedRules.of(Config(path=None, directory=tmp_path, data_dir=tmp_path, rules=rules, sources=(source,)))


class Ear:
    """The decide stage of a desk that alerts on voice notes."""

    def __init__(self, line: Any, rules: LoadedRules) -> None:
        self.line = line
        self.rules = rules
        with line.archive.writing() as writer:
            rules.declare(writer, line.now)

    def decide(self) -> Decided:
        with self.line.archive.writing() as writer:
            return decide.decide(writer, self.rules, self.line.now)

    def stored(self) -> None:
        with self.line.archive.writing() as writer:
            assert media_rows.mark_stored(writer, 1, KEPT, self.line.now)

    def heard(self, post_id: int, text: str, *, unreliable: bool = False, segments: tuple[Segment, ...] = ()) -> None:
        made = texts.MachineText("transcript", text, "en", 0.9, "ears", "base", unreliable, segments)
        with self.line.archive.writing() as writer:
            if texts.save_machine_text(writer, 1, made, post_id=post_id) is not None:
                jobs.enqueue(writer, [NewJob("decide", post_id, self.line.now)])

    def matches(self) -> list[tuple[str, str, bool]]:
        rows = self.line.rows("select rule, why, alerting from matches order by id")
        return [(row["rule"], row["why"], bool(row["alerting"])) for row in rows]


@pytest.fixture
def ear(line: Any, tmp_path: Any) -> Ear:
    return Ear(line, deciding(tmp_path))


def test_a_voice_note_alerts_as_soon_as_its_bytes_are_there(ear: Ear, line: Any) -> None:
    line.post("", media=(VOICE,))
    assert ear.decide().owed == 0
    assert ear.decide() == Decided()
    line.now += SECOND
    ear.stored()
    assert ear.decide().owed == 1
    assert ear.matches() == [("media:spokesman", "new match", True)]


def test_bytes_that_do_not_come_hold_the_alert_for_seconds_only(ear: Ear, line: Any) -> None:
    line.post("", media=(VOICE,))
    ear.decide()
    line.now += 10 * SECOND
    assert ear.decide().owed == 1
    assert ear.decide() == Decided()


def test_a_failed_try_holds_the_alert_no_longer(ear: Ear, line: Any) -> None:
    line.post("", media=(VOICE,))
    ear.decide()
    with line.archive.writing() as writer:
        media_rows.schedule_retry(writer, [1], "its server answered 503", line.now + SECOND, line.now, failed=True)
    assert ear.decide().owed == 1


def test_words_beside_the_file_never_wait_for_it(ear: Ear, line: Any) -> None:
    line.post("The regional command speaks.", media=(VOICE,))
    ear.decide()
    assert ear.matches() == [("fall", "new match", True)]


def test_history_with_files_alerts_nobody(ear: Ear, line: Any) -> None:
    line.post("", media=(VOICE,))
    with line.archive.writing() as writer:
        writer.execute("update posts set alerts = 0")
    ear.decide()
    assert ear.matches() == [("media:spokesman", "first contact", False)]


def test_a_file_of_another_kind_alerts_nobody(ear: Ear, line: Any) -> None:
    line.post("", media=(FetchedMedia("photo", "p", url="https://cdn.example/p.jpg"),))
    ear.decide()
    assert ear.matches() == []


def test_what_a_transcript_says_is_matched_and_told_as_a_reply(ear: Ear, line: Any, told: Any) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    ear.decide()
    desk = told("desk")
    line.drain(desk)
    ear.heard(post_id, "We lost contact with the regional command.")
    ear.decide()
    assert ear.matches()[1] == ("fall", "new match", True)
    line.drain(desk)
    assert [message.reply_to for message in desk.got] == [None, "receipt 1"]


def test_a_reply_waits_for_the_alert_that_it_answers(ear: Ear, line: Any, told: Any, later: Any) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    ear.decide()
    ear.heard(post_id, "We lost contact with the regional command.")
    ear.decide()
    desk = told("desk", script=[later("down")])
    line.drain(desk)
    assert desk.got == []
    line.now += 3_600 * SECOND
    line.drain(desk)
    assert [message.reply_to for message in desk.got] == [None, "receipt 1"]


def test_unreliable_text_alerts_once_as_possible(ear: Ear, line: Any) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    ear.heard(post_id, "regional command", unreliable=True)
    ear.decide()
    assert ("fall", Reason.POSSIBLE, True) in ear.matches()
    line.post("An edit that says nothing.", media=(VOICE,))
    ear.decide()
    assert len([row for row in ear.matches() if row[0] == "fall"]) == 1


def test_a_doubtful_stretch_leaves_the_others_their_alert_with_the_second_of_the_word(
    ear: Ear, line: Any, told: Any
) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    text = "la la la. The regional command has fallen."
    words = ((10, 9.0), (14, 12.4), (23, 13.1), (31, 13.8), (35, 14.0))
    sure = Segment(9.0, 15.0, 10, len(text), words=words)
    ear.heard(post_id, text, segments=(Segment(0.0, 9.0, 0, 9, unreliable=True), sure))
    ear.decide()
    assert ear.matches()[-1] == ("fall", "new match", True)
    desk = told("desk")
    line.drain(desk)
    assert "at 0:12" in desk.got[-1].plain
    assert "possible" not in desk.got[-1].plain


def test_words_in_a_doubtful_stretch_are_no_match_that_is_sure(ear: Ear, line: Any) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    text = "regional command. The bridge is open."
    doubtful = Segment(0.0, 9.0, 0, 17, unreliable=True)
    ear.heard(post_id, text, segments=(doubtful, Segment(9.0, 14.0, 18, len(text))))
    ear.decide()
    assert [why for rule, why, _ in ear.matches() if rule == "fall"] == [Reason.POSSIBLE]


def test_the_same_words_again_are_the_same_row_and_no_news(ear: Ear, line: Any) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    ear.heard(post_id, "the regional command has fallen")
    ear.decide()
    before = line.rows("select * from texts"), ear.matches()
    ear.heard(post_id, "the regional command has fallen")
    assert ear.decide().matches == 0
    assert (line.rows("select * from texts"), ear.matches()) == before


def test_better_words_take_the_place_of_the_old_ones_which_stay(ear: Ear, line: Any) -> None:
    post_id = line.post("A caption.", media=(VOICE,))
    ear.stored()
    ear.heard(post_id, "the regional commend")
    ear.heard(post_id, "the regional command")
    rows = line.rows("select text, current from texts where kind = 'transcript' order by id")
    assert [(row["text"], row["current"]) for row in rows] == [("the regional commend", 0), ("the regional command", 1)]
    assert line.rows("select texts from posts")[0]["texts"] == 2


def test_a_deleted_voice_note_is_told_under_the_same_name(ear: Ear, line: Any) -> None:
    line.post("", media=(VOICE,))
    ear.stored()
    ear.decide()
    with line.archive.writing() as writer:
        writer.execute(f"update posts set deleted_at = {line.now}")
        post_id = writer.value("select id from posts")
        jobs.enqueue(writer, [NewJob("decide", post_id, line.now)])
    ear.decide()
    assert ear.matches() == [("media:spokesman", "new match", True), ("media:spokesman", "the post was deleted", True)]


def test_the_alert_says_that_nobody_has_heard_it_and_brings_the_bytes_where_they_fit(
    ear: Ear, line: Any, told: Any, tmp_path: Any
) -> None:
    line.post("A caption " * 200, media=(VOICE,))
    ear.stored()
    ear.decide()
    [row] = line.rows("select id from matches")
    with line.archive.reading() as reader:
        found = read_alert(reader, row["id"], "desk")
    story, post = found.story, found.post
    delivery = DeliveryRow(1, row["id"], "desk", "match", "sending", 0, 1, 0)
    rendering = ear.rules.rendering(ZoneInfo("Asia/Yangon"), tmp_path)
    words = render(delivery, story, post, rendering, Shows("html", 4096, caption=1024, file_bytes=50 << 20))
    assert words.attachment is not None
    assert words.attachment.path == tmp_path / KEPT.path
    assert words.attachment.name == "spokesman-1.ogg"
    assert "not transcribed" in words.plain
    assert count_units(words.plain) <= 1024
    small = render(delivery, story, post, rendering, Shows("html", 4096, caption=1024, file_bytes=10))
    assert small.attachment is None
    here = render(delivery, story, post, rendering, Shows("text", local=True))
    assert f"file: {tmp_path / KEPT.path}" in here.text
    assert str(tmp_path) not in words.text


def test_the_reply_says_which_machine_heard_it_how_surely_and_at_which_second(ear: Ear, line: Any, told: Any) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    made = texts.MachineText(
        "transcript", "Good day. The regional command fell.", "en", 0.5, "ears", "base",
        segments=(Segment(0.0, 61.0, 0, 9), Segment(61.5, 70.0, 10, 36)),
    )  # fmt: skip
    with line.archive.writing() as writer:
        texts.save_machine_text(writer, 1, made, post_id=post_id)
    ear.decide()
    desk = told("desk")
    line.drain(desk)
    assert "transcribed by ears · en · confidence 0.50 · at 1:01 · possible" in desk.got[-1].text


@pytest.mark.parametrize("name", ["../../x", "-rf", "\x1b[2J", "\u202egpj.exe", "a" * 500])
def test_bad_input_41_an_attached_file_has_a_name_of_ours(ear: Ear, line: Any, tmp_path: Any, name: str) -> None:
    line.post("", native_id=name, media=(replace(VOICE, name=name),))
    ear.stored()
    ear.decide()
    [row] = line.rows("select id from matches")
    with line.archive.reading() as reader:
        read = read_alert(reader, row["id"], "desk")
    [found] = list_attachments(read.story, read.post, tmp_path)
    assert set(found.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert len(found.name) < 150
    assert not found.name.startswith(("-", "."))


def words_of(ear: Ear, line: Any, tmp_path: Any, shows: Shows, number: int = 0) -> Any:
    row = line.rows("select id from matches order by id")[number]
    with line.archive.reading() as reader:
        read = read_alert(reader, row["id"], "desk")
    delivery = DeliveryRow(1, row["id"], "desk", "match", "sending", 0, 1, 0)
    rendering = ear.rules.rendering(ZoneInfo("Asia/Yangon"), tmp_path)
    return render(delivery, read.story, read.post, rendering, shows, read.first)


TAKES = Shows("html", 4096, replies=True, caption=1024, file_bytes=50 << 20)


def test_of_several_recordings_the_alert_says_that_one_goes_along_and_which_was_heard(
    ear: Ear, line: Any, told: Any, tmp_path: Any
) -> None:
    post_id = line.post("", media=(VOICE, replace(VOICE, key="v2"), replace(VOICE, key="v3")))
    with line.archive.writing() as writer:
        for media_id in (1, 2, 3):
            media_rows.mark_stored(writer, media_id, KEPT, line.now)
    ear.decide()
    first = words_of(ear, line, tmp_path, TAKES)
    assert "not transcribed\n1 of 3 files attached\n" in first.plain
    made = texts.MachineText("transcript", "The regional command fell.", "en", 0.9, "ears", "base")
    with line.archive.writing() as writer:
        texts.save_machine_text(writer, 2, made, post_id=post_id)
        jobs.enqueue(writer, [NewJob("decide", post_id, line.now)])
    ear.decide()
    assert "2 of 3 not transcribed" in words_of(ear, line, tmp_path, TAKES).plain, "though the alert goes out only now"
    assert "transcribed by ears · en · confidence 0.90 · file 2 of 3" in words_of(ear, line, tmp_path, TAKES, 1).plain


def test_what_is_too_large_for_a_target_is_said_and_the_next_that_fits_goes_along(
    ear: Ear, line: Any, tmp_path: Any
) -> None:
    line.post("", media=(VOICE, replace(VOICE, key="v2")))
    large = replace(KEPT, sha256="cd" * 32, size=60 << 20)
    with line.archive.writing() as writer:
        media_rows.mark_stored(writer, 1, large, line.now)
        media_rows.mark_stored(writer, 2, replace(large, size=70 << 20), line.now)
    ear.decide()
    alone = words_of(ear, line, tmp_path, TAKES)
    assert alone.attachment is None
    assert "too large to attach (60 MB)" in alone.plain
    both = words_of(ear, line, tmp_path, replace(TAKES, file_bytes=65 << 20))
    assert both.attachment.size == 60 << 20
    assert "attach" not in words_of(ear, line, tmp_path, Shows("json")).plain


def test_words_that_come_weeks_later_are_told_and_marked_late(ear: Ear, line: Any, told: Any) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    ear.decide()
    desk = told("desk")
    line.drain(desk)
    assert "late" not in desk.got[0].text
    line.now += 21 * 24 * 3_600 * SECOND
    ear.heard(post_id, "We lost contact with the regional command.")
    ear.decide()
    line.drain(desk)
    assert "(late)" in desk.got[1].text
    assert desk.got[1].document["data"]["late"] is True


def test_a_program_is_told_what_a_person_reads(ear: Ear, line: Any, told: Any) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    ear.decide()
    desk = told("desk", shows=Shows("json"))
    line.drain(desk)
    words = "Good day. The regional command fell."
    pieces = (Segment(0.0, 61.0, 0, 9), Segment(61.5, 70.0, 10, 36))
    with line.archive.writing() as writer:
        made = texts.MachineText("transcript", words, "en", 0.5, "ears", "base", segments=pieces)
        texts.save_machine_text(writer, 1, made, post_id=post_id)
        jobs.enqueue(writer, [NewJob("decide", post_id, line.now)])
    ear.decide()
    line.drain(desk)
    first, second = (message.document["data"] for message in desk.got)
    assert (first["unheard"], first["in_reply_to"], first["matched"]) == ("not transcribed", None, [])
    assert (second["unheard"], second["in_reply_to"]) == (None, first["alert"])
    [found] = second["matched"]
    assert {name: found[name] for name in ("engine", "language", "confidence", "possible", "at_s")} == {
        "engine": "ears", "language": "en", "confidence": 0.5, "possible": True, "at_s": 61.5,
    }  # fmt: skip


def test_two_rules_answer_the_same_alert(line: Any, told: Any, tmp_path: Any) -> None:
    rules = deciding(tmp_path, more=(RuleConfig(name="second", query="contact", targets=("desk",)),))
    ear = Ear(line, rules)
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    ear.decide()
    ear.heard(post_id, "We lost contact with the regional command.")
    ear.decide()
    desk = told("desk")
    line.drain(desk)
    assert [message.reply_to for message in desk.got] == [None, "receipt 1", "receipt 1"]


def test_an_edit_between_keeps_the_reply_and_alerts_nobody_by_itself(ear: Ear, line: Any, told: Any) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    ear.decide()
    desk = told("desk")
    line.drain(desk)
    line.post("A caption that was added.", media=(VOICE,))
    ear.decide()
    line.drain(desk)
    assert len(desk.got) == 1
    ear.heard(post_id, "We lost contact with the regional command.")
    ear.decide()
    line.drain(desk)
    assert [message.reply_to for message in desk.got] == [None, "receipt 1"]


def test_a_recording_that_an_edit_took_away_is_still_told_when_its_words_come(ear: Ear, line: Any, told: Any) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    ear.decide()
    desk = told("desk")
    line.drain(desk)
    line.post("We withdraw our statement.", media=())
    ear.decide()
    ear.heard(post_id, "We lost contact with the regional command.")
    ear.decide()
    line.drain(desk)
    assert [message.reply_to for message in desk.got][-1] == "receipt 1"
    assert "regional command" in desk.got[-1].plain


def test_all_that_follows_answers_the_first_alert_and_not_the_last(ear: Ear, line: Any, told: Any) -> None:
    post_id = line.post("", media=(VOICE,))
    ear.stored()
    ear.decide()
    ear.heard(post_id, "We lost contact with the regional command.")
    ear.decide()
    desk = told("desk")
    line.drain(desk)
    with line.archive.writing() as writer:
        writer.execute(f"update posts set deleted_at = {line.now}")
        jobs.enqueue(writer, [NewJob("decide", post_id, line.now)])
    ear.decide()
    line.drain(desk)
    assert [message.reply_to for message in desk.got] == [None, *["receipt 1"] * 3]
