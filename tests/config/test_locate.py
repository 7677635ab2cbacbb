import tomllib
from collections.abc import Iterator
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.config.locate import KeyPath, inside, line_and_column, scan

DOCUMENT = '''\
# [not.a.table] and "not a string
top = 1
site."t.me" . interval = 2
[http.hosts."a.b"]	# a tab
	interval = "2.5s"
text = """
[also.not]
key = "no" # none
"""
[[rules]]
query = "a" # , ]
list = [
  "x", # ] not the end
  'y]', { deep = 3, er.est = [4] },
]
[[rules]]
[rules.more]
when = 2026-11-22 10:00:00
[[rules.more.inner]]
z = """"quoted""""
'''


def leaves(data: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key), value
        yield from leaves(value, (*path, key))


def at(text: str, offset: int) -> str:
    return "{}:{}".format(*line_and_column(text, offset))


def test_every_key_table_and_item_is_found_where_it_stands() -> None:
    places = scan(DOCUMENT)
    assert set(places) == {path for path, _ in leaves(tomllib.loads(DOCUMENT))}
    found = {path: (at(DOCUMENT, place.key), at(DOCUMENT, place.value)) for path, place in places.items()}
    assert found["top",] == ("2:1", "2:7")
    assert found["site", "t.me", "interval"] == ("3:15", "3:26")
    assert found["http", "hosts", "a.b", "interval"] == ("5:2", "5:13")
    assert found["http", "hosts", "a.b", "text"] == ("6:1", "6:8")
    assert found["rules", 0, "list", 1] == ("14:3", "14:3")
    assert found["rules", 0, "list", 2, "er", "est", 0] == ("14:31", "14:31")
    assert found["rules", 1] == ("16:1", "16:1")
    assert found["rules", 1, "more", "when"] == ("18:1", "18:8")
    assert found["rules", 1, "more", "inner", 0, "z"] == ("20:1", "20:5")


def test_a_place_inside_a_string_counts_an_escape_as_what_it_means() -> None:
    text = 'q = "\\"a\\u1000\\" b"'
    start = text.index('"')
    assert text[inside(text, start, 1)] == "a"
    assert text[inside(text, start, 5)] == "b"
    tall = 'q = """\nab\\\n   cd"""'
    assert tall[inside(tall, 4, 0)] == "a"
    assert tall[inside(tall, 4, 2)] == "c"
    assert "q = 'a\\b'"[inside("q = 'a\\b'", 4, 2)] == "b"


# Documents of which we know where every value stands: each value is a number that appears once.

blanks = st.sampled_from(["", " ", "\t", "  "])
keys = st.sampled_from(["a", "b-1", '"a.b"', "'c [d]'", '"e\\"\\u1000"'])
noise = st.sampled_from(["", "\n", "# x = [1, '\n", '\t# [[y]] """\n'])


@st.composite
def values(draw: st.DrawFn, numbers: Iterator[int], depth: int = 0) -> str:
    kind = draw(st.sampled_from(["int", "basic", "literal", "tall", "date"] + ["array", "inline"] * (depth < 3)))
    n = next(numbers)
    if kind == "array":
        items = draw(st.lists(values(numbers, depth + 1), max_size=3))
        return "[" + "".join(f"{draw(noise)}{item}{draw(blanks)}," for item in items) + draw(noise) + "]"
    if kind == "inline":
        items = draw(st.lists(values(numbers, depth + 1), max_size=3))
        pairs = [
            f"{draw(keys)}.k{next(numbers)}{draw(blanks)}={draw(blanks)}{item}" for item in items if "\n" not in item
        ]
        return "{" + ", ".join(pairs) + "}"
    quoted = {"basic": f'"{n} ]\\" #\\\\"', "literal": f"'{n} ] \\ #'", "tall": f'"""\n{n}\n[t]\nk = 1 "" \\""""'}
    return quoted.get(kind, f"2026-01-01 00:00:00.{n:06}" if kind == "date" else str(n))


@st.composite
def documents(draw: st.DrawFn) -> str:
    numbers = count(1000)
    text = ""
    for _ in range(draw(st.integers(0, 8))):
        header = draw(st.sampled_from(["", "[{}]", "[[many]]", "[[many.inner]]", "[ many . {} ]", "[[ more.{} ]]"]))
        text += draw(noise) + header.format(f"{draw(keys)}.t{next(numbers)}") + draw(blanks) + "\n"
        for value in draw(st.lists(values(numbers), max_size=3)):
            dotted = ".".join([f"k{next(numbers)}", *draw(st.lists(keys, max_size=2))])
            text += f"{draw(blanks)}{dotted}{draw(blanks)}={draw(blanks)}{value}{draw(blanks)}{draw(noise) or chr(10)}"
    return text


@given(documents())
def test_whatever_tomllib_reads_is_located(text: str) -> None:
    text += "\n"
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # the generator wrote a table twice, or opened [[many.inner]] before [[many]]
    places = scan(text)
    assert set(places) == {path for path, _ in leaves(data)}
    for path, value in leaves(data):
        here = text[places[path].value :]
        if isinstance(value, int):
            assert here.startswith(str(value))
        elif isinstance(value, str):
            number = value.split()[0]
            assert text[inside(text, places[path].value, value.index(number)) :].startswith(number)
        elif not isinstance(value, dict | list):
            assert here.startswith(f"{value}"[:19])
        if isinstance(path[-1], str) and not isinstance(value, dict | list):
            line = text[places[path].key :].split("\n")[0]
            assert path[-1] in tomllib.loads(line.partition("=")[0] + "= 0")
