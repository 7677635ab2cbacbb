"""Which engine reads a file, what is read in the background, and when the version of an engine changes."""

from pathlib import Path
from typing import Any

import pytest

from bot.config.model import Config
from bot.contracts.source import SourceSettings
from bot.enrich.choice import LONG_S, Choice, reading_jobs
from bot.enrich.engines.program import Settings
from storage.media.stored import StoredMedia
from storage.records import DueMedia, MediaKind


def choice(*engines: Settings, **languages: tuple[str, ...]) -> Choice:
    """Of a desk with three sources, "spokesman" and "ministry" of the tag official, and "agency" without one."""
    sources = tuple(
        SourceSettings(name=name, kind="replay", tags=tags, languages=languages.get(name, ()))
        for name, tags in (("spokesman", ("official",)), ("ministry", ("official",)), ("agency", ()))
    )
    here = Path("/nonexistent")
    return Choice.of(Config(path=None, directory=here, data_dir=here, sources=sources, engines=engines))


def ears(name: str = "ears", **more: Any) -> Settings:
    return Settings.model_validate({"name": name, "kind": "program", "program": ["true"], **more})


def due(kind: MediaKind = "voice", *, seconds: float | None = None, alerts: bool = True) -> DueMedia:
    return DueMedia(7, 70, "spokesman", kind, "https://cdn.example/v", None, None, seconds, 0, alerts)


def test_the_first_engine_that_is_meant_for_a_source_reads_its_files() -> None:
    chosen = choice(ears("own", sources=["agency"]), ears("official", tags=["official"]), ears("rest"), ears("never"))
    readers = {source: chosen.readers(source, "voice", "audio/ogg") for source in ("agency", "ministry", "nobody")}
    assert {source: found["transcript"].settings.name for source, found in readers.items()} == {
        "agency": "own", "ministry": "official", "nobody": "rest",
    }  # fmt: skip
    assert chosen.readers("agency", "photo", "image/png") == {}


@pytest.mark.parametrize(
    ("file", "background"),
    [
        (due(), False),
        (due(seconds=LONG_S), False),
        (due(seconds=LONG_S + 1), True),
        (due(alerts=False), True),
    ],
    ids=["fresh", "short", "long", "history"],
)
def test_history_and_what_takes_long_gives_way(file: DueMedia, background: bool) -> None:
    [job] = reading_jobs(choice(ears()), file, "audio/ogg", 5)
    assert (job.kind, job.post_id, job.slot, job.due_at, job.background) == ("transcript", 70, "7", 5, background)


def test_a_picture_that_was_sent_as_a_document_is_read_and_another_document_is_not() -> None:
    chosen = choice(ears("eyes", makes="ocr"))
    stored = StoredMedia(7, 70, "agency", "document", "image/jpeg", 1, "p", "s", None, None)
    assert [(job.kind, job.background) for job in reading_jobs(chosen, stored, stored.mime, 5)] == [("ocr", True)]
    assert reading_jobs(chosen, stored, "application/pdf", 5) == []


def test_the_version_of_an_engine_changes_with_its_settings_and_the_languages_of_a_source() -> None:
    def version(engine: Settings, **languages: tuple[str, ...]) -> str:
        chosen = choice(engine, **languages)
        return chosen.version(chosen.engines[0], "spokesman")

    same = version(ears(), spokesman=("my",))
    assert same == version(ears(tags=["official"]), spokesman=("my",), agency=("en",))
    others = {
        version(ears("other"), spokesman=("my",)),
        version(ears(program=["false"]), spokesman=("my",)),
        version(ears(longest="1h"), spokesman=("my",)),
        version(ears(), spokesman=("my", "en")),
    }
    assert len(others | {same}) == 5


def test_files_of_a_paused_engine_are_not_claimed() -> None:
    chosen = choice(ears("own", sources=["agency"]), ears("official", tags=["official"]), ears("eyes", makes="ocr"))
    assert chosen.served("transcript", ["eyes"]) is None
    assert chosen.served("transcript", ["own"]) == ["spokesman", "ministry"]
    assert chosen.served("transcript", ["own", "official"]) == []
    assert chosen.served("ocr", ["own", "official"]) is None
