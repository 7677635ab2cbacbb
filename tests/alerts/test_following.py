"""Files of a matching post at a Telegram chat: with the words, or as a silent reply once they are archived."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.clock import MINUTE
from storage.media import rows as media_rows
from storage.media.shelf import Kept
from storage.records import FetchedMedia
from tests.mail_server import mail_server
from tests.ntfy_server import ntfy_server

ENDINGS = {"photo": "image/jpeg", "video": "video/mp4", "voice": "audio/ogg", "document": "application/pdf"}


def shown(*kinds: str) -> tuple[FetchedMedia, ...]:
    return tuple(
        FetchedMedia(kind, f"f{number}", url=f"https://cdn.example/{number}")  # type: ignore[arg-type]  # one of them
        for number, kind in enumerate(kinds)
    )


@pytest.fixture
def arrive(line: Any, tmp_path: Path) -> Callable[..., None]:
    """Let the bytes of one file be archived."""

    def arrive(number: int, kind: str, size: int | None = None, data: bytes | None = None) -> None:
        data = data or f"bytes of {number}".encode()
        path = tmp_path / "media" / str(number)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        kept = Kept(f"{number:064}", size or len(data), f"media/{number}", ENDINGS[kind])
        with line.archive.writing() as writer:
            media_rows.mark_stored(writer, number, kept, line.now)

    return arrive


def sent(api: Any) -> list[tuple[str, int]]:
    """What the chat shows: by which method it came, and with how many files."""
    return [(method, len(one.album) or bool(one.file)) for method, one in zip(api.methods, api.said, strict=True)]


def test_one_file_that_is_there_goes_with_the_words_under_its_own_limit(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, arrive: Any
) -> None:
    line.match(line.post("the northern command fell " * 200, media=shown("photo")))
    arrive(1, "photo")
    deliver(**telegram)
    deliver(**telegram)
    assert sent(bot_api) == [("sendPhoto", 1)]
    assert bot_api.said[0].file.data == b"bytes of 1"
    assert bot_api.said[0].text.endswith("alert 1")
    assert len(line.rows()) == 1


def test_an_album_follows_its_words_as_an_album_and_silently(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, arrive: Any
) -> None:
    line.match(line.post(media=shown("photo", "video", "photo")))
    for number, kind in enumerate(("photo", "video", "photo"), 1):
        arrive(number, kind)
    deliver(**telegram)
    words, album = bot_api.said
    assert sent(bot_api) == [("sendMessage", 0), ("sendMediaGroup", 3)]
    assert album.text == "fire · spokesman: 3 files of alert 1"
    assert album.request["reply_parameters"]["message_id"] == words.id
    assert album.request["disable_notification"] is True
    assert sorted(one.method for one in album.album) == ["sendPhoto", "sendPhoto", "sendVideo"]
    assert sorted(one.data for one in album.album) == [b"bytes of 1", b"bytes of 2", b"bytes of 3"]


def test_files_that_do_not_go_together_and_more_than_ten_come_one_message_after_the_other(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, arrive: Any
) -> None:
    kinds = (*["photo"] * 12, "voice", "voice", "document", "document")
    line.match(line.post(media=shown(*kinds)))
    for number, kind in enumerate(kinds, 1):
        arrive(number, kind)
    deliver(**telegram)
    assert sent(bot_api)[1:] == [
        ("sendVoice", 1), ("sendVoice", 1), ("sendMediaGroup", 10), ("sendMediaGroup", 2), ("sendMediaGroup", 2),
    ]  # fmt: skip
    data = [file.data for one in bot_api.said[1:] for file in (one.album or [one.file])]
    assert sorted(data) == sorted(f"bytes of {number}".encode() for number in range(1, 17))


def test_words_never_wait_for_a_file_and_the_file_follows_when_it_is_there(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, arrive: Any
) -> None:
    line.match(line.post(media=shown("photo", "photo")))
    deliver(**telegram)
    assert sent(bot_api) == [("sendMessage", 0)]
    arrive(1, "photo")
    deliver(**telegram)
    assert len(bot_api.said) == 1, "the album is not torn"
    with line.archive.writing() as writer:
        media_rows.mark_given_up(writer, 2, "gone", "its server answered 404", line.now)
    deliver(**telegram)
    assert sent(bot_api)[1:] == [("sendPhoto", 1)]


def test_files_wait_for_no_file_of_another_post(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, arrive: Any
) -> None:
    line.post("its file takes long", native_id="2", media=shown("photo"))
    line.match(line.post(media=shown("photo", "photo")))
    arrive(2, "photo")
    arrive(3, "photo")
    deliver(**telegram)
    assert sent(bot_api) == [("sendMessage", 0), ("sendMediaGroup", 2)]


def test_what_is_not_there_after_half_an_hour_is_left_out(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, arrive: Any
) -> None:
    line.match(line.post(media=shown("photo", "photo")))
    line.match(line.post("the command again", "2", media=shown("photo")))
    deliver(**telegram)
    arrive(1, "photo")
    line.now += 29 * MINUTE
    deliver(**telegram)
    assert len(bot_api.said) == 2
    line.now += 2 * MINUTE
    deliver(**telegram)
    assert sent(bot_api)[2:] == [("sendPhoto", 1)]
    assert line.states() == ["sent", "sent", "sent", "silenced"]
    assert line.rows()[3]["reason"] == "no file that the target takes was archived within 30 minutes"
    arrive(2, "photo")
    deliver(**telegram)
    assert len(bot_api.said) == 3


def test_a_target_that_wants_no_media_gets_none(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, arrive: Any
) -> None:
    line.match(line.post(media=shown("photo", "photo")))
    arrive(1, "photo")
    arrive(2, "photo")
    deliver(**telegram, media=False)
    assert sent(bot_api) == [("sendMessage", 0)]
    assert len(line.rows()) == 1


def test_a_file_that_is_too_large_is_left_out_and_a_picture_that_is_goes_as_a_document(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, arrive: Any
) -> None:
    line.match(line.post(media=shown("document", "photo", "photo")))
    arrive(1, "document", size=51 << 20)
    arrive(2, "photo", data=b"x" * ((10 << 20) + 1))
    arrive(3, "photo")
    deliver(**telegram)
    assert sorted(sent(bot_api)[1:]) == [("sendDocument", 1), ("sendPhoto", 1)]


def test_a_refused_album_is_sent_as_documents_before_it_is_given_up(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, arrive: Any
) -> None:
    line.match(line.post(media=shown("photo", "photo")))
    arrive(1, "photo")
    arrive(2, "photo")
    bot_api.fail_after = 1
    bot_api.fail_with = []

    def refuse_once(request: dict[str, Any], files: Any, method: str) -> Any:
        if method == "sendMediaGroup" and request["media"][0]["type"] == "photo":
            return 400, {"ok": False, "error_code": 400, "description": "Bad Request: PHOTO_INVALID_DIMENSIONS"}
        return type(bot_api)._take(bot_api, request, files, method)

    bot_api._take = refuse_once
    deliver(**telegram)
    assert [file.method for file in bot_api.said[1].album] == ["sendDocument", "sendDocument"]


def test_an_album_without_an_answer_comes_again_with_the_mark_and_its_words_do_not(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, arrive: Any
) -> None:
    line.match(line.post(media=shown("photo", "photo")))
    deliver(**telegram)
    arrive(1, "photo")
    arrive(2, "photo")
    bot_api.swallow = 1
    deliver(**telegram)
    line.now += 2 * MINUTE
    deliver(**telegram)
    assert sent(bot_api) == [("sendMessage", 0), ("sendMediaGroup", 2), ("sendMediaGroup", 2)]
    assert [one.text for one in bot_api.said[1:]] == [
        "fire · spokesman: 2 files of alert 1",
        "fire · spokesman (possible repeat): 2 files of alert 1",
    ]


def test_what_a_post_calls_itself_does_nothing_in_the_words_of_an_album(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, arrive: Any
) -> None:
    hostile = "@desk_editor /mute \u202e<b>"
    media = tuple(FetchedMedia("photo", f"f{n}", url="https://cdn.example/x", name=hostile) for n in range(2))
    line.match(line.post(media=media), rule="@editor /ack@bot")
    arrive(1, "photo")
    arrive(2, "photo")
    deliver(**telegram)
    album = bot_api.said[1]
    assert "@editor" not in album.text
    assert "/ack" not in album.text.replace("/\u2060", "")
    assert all(set(file.name) <= set("spokesman-1.jpeg") for file in album.album)


def test_undelivered_files_are_listed_with_their_alert(line: Any, deliver: Any, telegram: Any, program: Any) -> None:
    line.match(line.post(media=shown("photo")))
    deliver(**telegram)
    [row] = json.loads(program("alerts", "list", "--undelivered", "--json")[1])
    assert (row["kind"], row["alert"], row["target"]) == ("files", "1", "desk")


def test_pictures_of_a_post_follow_in_one_letter_of_its_thread(line: Any, deliver: Any, arrive: Any) -> None:
    with mail_server() as mail:
        keys = {"kind": "email", "host": "127.0.0.1", "port": mail.port, "tls": "none"}
        line.match(line.post(media=shown("photo", "photo", "photo")))
        arrive(1, "photo")
        arrive(2, "photo")
        deliver(**keys, **{"from": "desk@news.example", "to": ["ann@news.example"]})
        assert len(mail.letters) == 1  # words never wait
        arrive(3, "photo")
        line.now += 31 * MINUTE
        deliver(**keys, **{"from": "desk@news.example", "to": ["ann@news.example"]})
        words, files = (letter.read for letter in mail.letters)
    assert list(words.iter_attachments()) == []
    assert sorted(part.get_content() for part in files.iter_attachments()) == [
        b"bytes of 1",
        b"bytes of 2",
        b"bytes of 3",
    ]
    assert files["in-reply-to"] == words["message-id"]


def test_pictures_of_a_post_follow_one_by_one_on_phones(line: Any, deliver: Any, arrive: Any) -> None:
    with ntfy_server() as phones:
        line.match(line.post(media=shown("photo", "photo")))
        arrive(1, "photo")
        arrive(2, "photo")
        deliver(kind="ntfy", url=phones.base, topic="desk")
        deliver(kind="ntfy", url=phones.base, topic="desk")
        pushed = list(phones.shown.values())
    assert [one.file for one in pushed] == [None, b"bytes of 1", b"bytes of 2"]
    assert [one.priority for one in pushed] == [3, 2, 2]
