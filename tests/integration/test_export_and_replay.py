"""What one archive writes another reads: the same posts, with what had been found out about them."""

import json
from typing import Any

from tests.desk import Desk

CONFIG = """
[[sources]]
name = "office"
kind = "replay"
path = "posts.jsonl"
[[rules]]
name = "command"
query = "command"
"""
OWN = {"id", "collected_at", "revisions", "raw_sha256", "rules", "matched", "event", "copy_of", "quotes"}
TOLD: list[dict[str, Any]] = [
    {
        "native_id": "1", "posted_at": "2026-11-01T10:00:00.000001Z", "posted_raw": "last Sunday", "title": "Held",
        "text": "The command\n\nis held \u202e\u001b[31m.", "url": "https://example.org/1", "author": 'A, "B"',
        "edited_at": "2026-11-02T00:00:00Z", "reply_to": "0", "links": [{"text": "map", "url": "https://example.org/m"}],
        "forwarded_from": {"name": "O", "url": "https://example.org/o", "source": "o", "post": "5"},
    },
    {
        "native_id": "2", "posted_at": "2026-11-01T11:00:00Z", "text": "", "deleted_at": "2026-11-03T00:00:00Z",
        "media": [{"kind": "voice", "mime": "audio/ogg", "name": "v.ogg", "bytes": 9, "duration_s": 4.5}],
        "texts": [
            {"kind": "transcript", "engine": "ears", "model": "m1", "language": "my", "text": "the command is lost",
             "confidence": 0.5, "unreliable": True, "segments": [{"start_s": 0.0, "end_s": 1.5, "start": 0, "end": 11,
             "language": "shn", "unreliable": True, "words": [{"start": 0, "at_s": 0.25}]}]},
            {"kind": "ocr", "engine": "eyes", "language": "en", "text": "SIGNED", "confidence": None, "segments": []},
            {"kind": "poll", "text": "Who holds it?\nWe do\nThey do"},
        ],
    },
    {"native_id": "3", "posted_at": None, "posted_raw": "one day", "text": "no date"},
]  # fmt: skip


def written(desk: Desk) -> dict[str, dict[str, Any]]:
    lines = desk.run("search", "NOT zebra", "--jsonl").stdout.splitlines()
    return {post["native_id"]: post for post in map(json.loads, lines)}


def replayed(desk: Desk, lines: str) -> dict[str, dict[str, Any]]:
    (desk.directory / "posts.jsonl").write_text(lines, encoding="utf-8")
    desk.write(CONFIG)
    desk.run("run", "--once")
    return written(desk)


def test_what_search_writes_replay_reads_to_the_same_posts(desk: Desk) -> None:
    first = replayed(desk, "\n".join(json.dumps(post) for post in TOLD))
    for post in TOLD:
        for key, value in post.items():
            if key not in ("media", "texts"):
                assert first[post["native_id"]][key] == value, key
    made = {text["kind"]: text for text in first["2"]["texts"]}
    for text in TOLD[1]["texts"]:
        assert {key: made[text["kind"]][key] for key in text} == text
    assert "transcript" in desk.run("search", "lost", "--jsonl").stdout
    other = Desk(desk.directory / "other")
    other.directory.mkdir()
    second = replayed(other, desk.run("search", "NOT zebra", "--jsonl").stdout)
    assert first.keys() == second.keys()
    for native_id, post in first.items():
        assert {key: post[key] for key in post.keys() - OWN} == {
            key: second[native_id][key] for key in post.keys() - OWN
        }


def test_a_later_line_brings_a_deletion_and_its_end_once_each(desk: Desk) -> None:
    alive = {"native_id": "1", "posted_at": "2026-11-01T10:00:00Z", "text": "the command fell"}
    gone = alive | {"deleted_at": "2026-11-03T00:00:00Z"}
    lines = [json.dumps(post) for post in (alive, gone)]
    assert replayed(desk, f"{lines[0]}\n")["1"]["deleted_at"] is None
    assert replayed(desk, f"{lines[0]}\n{lines[1]}\n")["1"]["deleted_at"] == gone["deleted_at"]
    assert replayed(desk, f"{lines[1]}\n")["1"]["deleted_at"] == gone["deleted_at"]
    told = json.loads(desk.run("show", "office/1", "--json", "--history").stdout)
    assert [match["kind"] for match in told["matches"]] == ["match", "deleted"]
    assert [seen["presence"] for seen in told["observations"]] == ["absent"]
    assert replayed(desk, f"{lines[1]}\n{lines[0]}\n")["1"]["deleted_at"] is None
