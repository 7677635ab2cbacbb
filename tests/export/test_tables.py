"""Tables as other programs read them: CSV, workbooks and Parquet, with what a spreadsheet would take for a formula."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from bot.export.csv import COLUMNS
from tests.export.exported import Exports
from tests.export.hostile import FORMULAS


def _posts(exports: Exports, tmp_path: Path) -> list[dict[str, Any]]:
    lines = exports.make("jsonl", tmp_path / "posts.jsonl").path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def test_bad_input_52_a_csv_has_every_post_and_no_formula(hostile: Exports, tmp_path: Path) -> None:
    done = hostile.make("csv", tmp_path / "posts.csv")
    with done.path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [post["id"] for post in _posts(hostile, tmp_path)]
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r"))]
    assert all(f"'{formula}".encode() in done.path.read_bytes().replace(b'""', b'"') for formula in FORMULAS[:4])


def test_bad_input_52_a_workbook_holds_texts_and_neither_formulas_nor_links(hostile: Exports, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is missing; make setup-web brings it")
    done = hostile.make("xlsx", tmp_path / "posts.xlsx")
    sheet = openpyxl.load_workbook(done.path).active
    rows = list(sheet.iter_rows())
    assert tuple(cell.value for cell in rows[0]) == COLUMNS
    assert [row[0].value for row in rows[1:]] == [post["id"] for post in _posts(hostile, tmp_path)]
    cells = [cell for row in rows for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n", "b", "inlineStr"}
    assert all(cell.hyperlink is None for cell in cells)
    started = [cell for cell in cells if isinstance(cell.value, str) and cell.value.startswith(tuple("=+-@"))]
    assert len(started) >= 4
    assert all(cell.quotePrefix for cell in started)
    with ZipFile(done.path) as parts:
        assert {part.date_time for part in parts.infolist()} <= {(1980, 1, 31, 0, 0, 0), (1980, 1, 1, 0, 0, 0)}
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


def test_a_long_text_is_cut_where_a_cell_ends(tmp_path: Path) -> None:
    from bot.export.xlsx import fit

    assert fit("😀" * 20_000).endswith("(cut: csv and jsonl have the whole text)")
    assert len(fit("😀" * 20_000).encode("utf-16-le")) // 2 <= 32_767
    assert fit("က" * 32_767) == "က" * 32_767


def test_duckdb_reads_the_fields_of_the_json(exports: Exports, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is missing; make setup-web brings it")
    done = exports.make("parquet", tmp_path / "posts.parquet")
    posts = _posts(exports, tmp_path)
    with duckdb.connect() as reading:
        asked = f"SELECT id, text, epoch_us(posted_at), media, texts, rules, forwarded_from FROM '{done.path}'"
        rows = reading.execute(asked).fetchall()
        of = f"SELECT source, count(*) FROM '{done.path}' WHERE list_contains(rules, 'bridges') GROUP BY source"
        assert reading.execute(of).fetchall()
    for row, post in zip(rows, posts, strict=True):
        at = post["posted_at"] and datetime.fromisoformat(post["posted_at"])
        assert row[0] == post["id"]
        assert row[1] == post["text"]
        assert row[2] == (at and (at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
        assert [list(row[3]), list(row[4]), list(row[5])] == [post["media"], post["texts"], post["rules"]]
        assert row[6] == post["forwarded_from"]


def test_every_field_of_a_post_is_a_column_of_parquet(exports: Exports, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is missing; make setup-web brings it")
    done = exports.make("parquet", tmp_path / "posts.parquet")
    assert parquet.read_schema(done.path).names == list(_posts(exports, tmp_path)[0])
