"""Composes the message of a digest, piece by piece: whatever its size, no piece keeps the loop from its turn."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from bot.alerts.digests.listing import MOST, ListedPost, fit_posts, post_lines
from bot.alerts.digests.material import DigestMaterial, list_alerts, read_material, read_posts
from bot.alerts.digests.summary import stretch_lines, summary_json, summary_lines
from bot.alerts.digests.words import TITLES, count
from bot.alerts.lines import Line, Span, keep_inert, measure_lines
from bot.alerts.render import Rendering, compose_lines, format_times
from bot.contracts.message import Message, Shows
from bot.documents.alert import sound_json
from bot.documents.digest import digest_json, listed_post_json, stretch_json
from bot.foreign.text import json_text
from bot.http.spool import Spool
from storage.alerts import digests
from storage.records import DeliveryRow

if TYPE_CHECKING:
    from storage.archive.database import Reader

_FEW = 100  # posts that a document can hold at once
_IN_JSON = 8_000  # units of words where a program gets the posts themselves
_SPARE = 60  # units that markup or a mark may need


def compose_digest(reader: "Reader", row: DeliveryRow, rendering: Rendering, shows: Shows) -> Message:
    """Compose a digest that was made. A webhook gets every post, other targets what they can show."""
    digest = digests.find_of_delivery(reader, row.id)
    assert digest is not None  # both are made in one transaction
    material = read_material(reader, digest, list_alerts(reader, digest))
    return compose(reader, row, material, rendering, shows)


def compose(
    reader: "Reader | None", row: DeliveryRow, material: DigestMaterial, rendering: Rendering, shows: Shows
) -> Message:
    """Compose what is to be said of this material. Without a reader its posts are made up."""
    data = _data(row, material)
    few = len(material.groups) <= _FEW
    if few:
        data["posts"] = list(map(_post_json, read_posts(reader, material)))
    lines: list[Line] = []
    if shows.words:
        lines += keep_inert(list(_head(row, material, rendering)), shows)
        lines += _posts(reader, material, rendering, shows, measure_lines(lines, shows))
    message = compose_lines(row, lines, data, shows)
    whole = few or shows.form != "json"
    return message if whole else replace(message, body=_spool(message.document, reader, material, rendering.data_dir))


def _data(row: DeliveryRow, material: DigestMaterial) -> dict[str, object]:
    digest = material.digest
    data = digest_json(
        digest.id or None,
        digest.kind,
        (digest.window_from, digest.window_to),
        digest.total,
        possible_repeat=row.possible_repeat,
    )
    if digest.kind == "late":
        data["stretches"] = [stretch_json(one) for one in material.stretches]
    if material.summary is not None:
        data["summary"] = summary_json(material.summary, (digest.window_from, digest.window_to))
    return data | {"posts": []}  # at its end: see _body


def _head(row: DeliveryRow, material: DigestMaterial, rendering: Rendering) -> Iterator[Line]:
    digest, zone = material.digest, rendering.zone
    repeat = " (possible repeat)" if row.possible_repeat else ""
    total = count(digest.total, "alert", "alerts")
    about = f"{total} about {count(material.about, 'post', 'posts')}" if digest.total else "nothing matched"
    yield (Span(f"{TITLES[digest.kind]}{repeat}: ", "bold"), Span(about))
    yield (Span(f"from {format_times(digest.window_from, zone)}", "own"),)
    yield (Span(f"to {format_times(digest.window_to, zone)}", "own"),)
    yield from stretch_lines(material.stretches, zone)
    if material.summary is not None:
        yield from summary_lines(material.summary, (digest.window_from, digest.window_to), zone)


def _posts(
    reader: "Reader | None", material: DigestMaterial, rendering: Rendering, shows: Shows, used: int
) -> Iterator[Line]:
    digest, total = material.digest, material.about
    which = f"--digest {digest.id}" if digest.id else "--state pending"
    units = _IN_JSON if shows.form == "json" else shows.units
    room = None if units is None else units - used - _SPARE
    late = digest.kind == "late"
    posts = islice(read_posts(reader, material), MOST)
    blocks = (keep_inert(post_lines(one, rendering.zone, late=late), shows) for one in posts)
    yield from fit_posts(blocks, total, room, f"communique alerts list {which}", shows)


def _post_json(listed: ListedPost) -> dict[str, object]:
    return listed_post_json(listed.post, listed.alerts, listed.edited_since)


def _spool(
    document: dict[str, object], reader: "Reader | None", material: DigestMaterial, directory: Path | None
) -> Spool:
    spool = Spool(directory)
    try:
        for piece in _body(document, reader, material):
            spool.write(piece)
    except BaseException:
        spool.close()
        raise
    return spool


def _body(document: dict[str, object], reader: "Reader | None", material: DigestMaterial) -> Iterator[bytes]:
    """The document with its posts, as JSON: its last list is empty so far."""
    yield json_text(document).removesuffix("]}}").encode()
    for number, listed in enumerate(read_posts(reader, material)):
        yield (", " if number else "").encode() + json_text(sound_json(_post_json(listed))).encode()
    yield b"]}}"
