"""Posts as Parquet, for DuckDB, pandas and Spark: the fields of the JSON output, times as times, lists as lists."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bot.documents.as_json import as_json
from bot.export.contract import Format, Material, Place

if TYPE_CHECKING:
    from storage.rows import PostRow

_ROWS, _LETTERS = 4_000, 2 << 20  # of a row group: what is in memory at once
_TIMES = ("posted_at", "collected_at", "edited_at", "deleted_at")


def write(material: Material, place: Place) -> None:
    """One file; a row group is up to 4,000 posts."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = _make_schema(pa)
    path = place.path("posts.parquet")
    pool = pa.system_memory_pool()  # gives back what is no longer used
    with parquet.ParquetWriter(path, schema, compression="zstd", memory_pool=pool) as out:
        for rows in _groups(material):
            out.write_table(pa.Table.from_pylist(rows, schema), row_group_size=len(rows))
    place.add("posts.parquet")


def _groups(material: Material) -> Iterator[list[dict[str, object]]]:
    rows: list[dict[str, object]] = []
    letters = 0
    for page in material.pages():
        rows += map(_row, page)
        letters += sum(len(post.text) + sum(len(text.text) for text in post.texts) for post in page)
        if len(rows) >= _ROWS or letters >= _LETTERS:
            yield rows
            rows, letters = [], 0
    if rows:
        yield rows


def _row(post: "PostRow") -> dict[str, object]:
    """A post as JSON, its times in microseconds; those that JSON does not know are unknown here, too."""
    document = as_json(post)
    return document | {name: getattr(post, name) if document[name] else None for name in _TIMES}


def _make_schema(arrow: Any) -> Any:
    text, number, truth, real = arrow.string(), arrow.int64(), arrow.bool_(), arrow.float64()
    time = arrow.timestamp("us", tz="UTC")

    def each(**fields: Any) -> Any:
        return arrow.list_(arrow.struct(list(fields.items())))

    word = each(start=number, at_s=real)
    piece = each(start_s=real, end_s=real, start=number, end=number, language=text, unreliable=truth, words=word)
    fields = {
        "id": text, "source": text, "native_id": text, "url": text, "author": text, "title": text,
        "posted_at": time, "posted_raw": text, "time_problem": text, "collected_at": time, "edited_at": time,
        "deleted_at": time, "text": text, "language": text, "zawgyi": truth,
        "media": each(
            kind=text, mime=text, name=text, bytes=number, sha256=text, state=text, reason=text, path=text,
            duration_s=real, sniffed=text,
        ),
        "texts": each(
            kind=text, engine=text, language=text, zawgyi=truth, text=text, confidence=real, model=text,
            unreliable=truth, segments=piece,
        ),
        "links": each(text=text, url=text), "rules": arrow.list_(text),
        "forwarded_from": arrow.struct([("name", text), ("url", text), ("source", text), ("post", text)]),
        "reply_to": text, "revisions": number, "raw_sha256": text, "event": text, "copy_of": text,
        "copy_reason": text, "copy_likeness": real, "quotes": text,
    }  # fmt: skip
    return arrow.schema(list(fields.items()))


FORMAT = Format(write, "posts.parquet", package="pyarrow")
