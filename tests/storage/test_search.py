"""Search finds what the evaluator finds, always: SQL narrows, and never too much."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.rules import Rule, compile_rules
from storage.archive import full_text
from storage.archive.columns import storable
from storage.archive.database import Reader, Writer
from storage.archive.index_row import KINDS as KINDS_OF_INDEX
from storage.archive.packed_words import FOLDED, columns, register
from storage.archive.restricted import RestrictedReaders
from storage.archive.sqlite import sqlite3
from storage.language.fold import fold
from storage.language.hits import evaluate
from storage.language.match import Document
from storage.language.query import Query, QueryError, parse
from storage.language.script import language
from storage.language.terms import Term
from storage.language.version import FOLD_VERSION
from storage.posts import refolding
from storage.posts.index_words import note
from storage.records import FetchedPost, TextKind
from storage.search import documents, newest, search

# Words that fold alike, or nearly, in several scripts; two of them are Zawgyi.
FIELDS = (
    "source:spokesman source:desk* source:@hill_desk -source:t.me/s/HILL_desk tag:junta side:junta -source:spokesman lang:my lang:und lang:zh has:reply "
    "has:forward has:voice has:poll in:transcript in:text in:ocr -in:transcript in:file in:file -in:file in:card in:quoted -in:quoted in:translation from:desk from:ministry "
    "date:2025-11-22 date:[2025-11-20 TO 2025-11-21] date:>2025-11-21 rule:fell "
    "-date:2025-11-22 -date:>2025-11-21 -has:reply -has:voice -has:forward -rule:fell rule:f* -tag:junta -side:junta id:1"
)
TABLE = (
    "command commands command's COMMAND commander regional region regionals army armies arm north eastern east "
    "north-eastern northeastern Northeast cease-fire ceasefire cease fire anti-junta junta it the a F-16 F16 16 ၁၆ "
    "Lashio Láshio Lasho လားရှိုး လားရိႈးၿမိဳ႔ကို လား ရှိုး မြို့ တပ် တပ်မတော် တိုင်းစစ်ဌာနချုပ် တိုင်း\u200bစစ် စစ်ဌာန သိမ္းပိုက္ႏိုင္ခဲ့ၿပီ "
    "မိူင်းတႆး ကညီကျိာ် 腊戌 东北军区 军区 ทหาร กองทหาร Київ Кyiv Kиїв переговори переговоры القيادة القِيادة भारत-चीन don't Ta'ang "
    "K.I.A KIA U.S.-led 10,000 10000 F-16s 33rd 33 Xapків Харків BCУ ВСУ bcy l'arme arme 軍區 ဂ\u1039ဂ #RegionalCommand "
    "women woman sorties \U0001e900\U0001e901 \U0001f17a\U0001f178\U0001f170 news new pdf mp4 US us Us"
)
WORDS = TABLE.split()
TERMS = {
    "command": ("regional command", "တိုင်းစစ်ဌာနချုပ်", "军区", "cease-fire"),
    "place": ("Lashio", "လားရှိုး", "腊戌", "north eastern"),
    "guarded": Term(("command", "တပ်", "cease-fire", "=US"), ("regional", "east"), ("fire", "မတော်", "army")),
}
KINDS = ("transcript", "ocr", "file", "poll", "translation", "card", "quoted", "attached", "notice")
JOINTS = (" ", " ", " ", "", "-", "\n", "\u200b", ". ", "၊ ", "\x00")

word = st.sampled_from(WORDS)
text = st.lists(st.tuples(word, st.sampled_from(JOINTS)), min_size=1, max_size=7).map(
    lambda parts: "".join(piece for pair in parts for piece in pair)
)


def _cut(draw: st.DrawFn) -> str:
    chosen = draw(word)
    return chosen[: draw(st.integers(1, len(chosen)))]


@st.composite
def leaf(draw: st.DrawFn) -> str:
    kind = draw(st.integers(0, 19))
    if kind <= 4:
        return draw(word)
    if kind <= 6:
        return '"' + " ".join(draw(st.lists(word, min_size=1, max_size=3))) + '"'
    if kind == 7:
        return _cut(draw) + "*"
    if kind == 8:
        start = _cut(draw)
        return f"{start[:-1]}?{draw(st.sampled_from(['', '*', 's', 'd']))}" if len(start) > 2 else start
    if kind == 9:
        return draw(word).split("-")[0] + "~"
    if kind == 10:
        return '"' + " ".join(draw(st.lists(word, min_size=2, max_size=3))) + f'"~{draw(st.integers(0, 4))}'
    if kind == 11:
        return "=" + draw(word)
    if kind == 12:
        return draw(st.sampled_from([r"/\bcomm\w+/", "/eastern|ရှိုး/", r"/^\w+\b.*\barm/", "/[က-အ]{2}/"]))
    if kind == 13:
        return draw(st.sampled_from(["@command", "@place", "@guarded", '"@guarded fell army"~3', '"@place army"~1']))
    if kind == 14:
        return draw(near())
    if kind == 15:
        wild = draw(st.sampled_from(["*", f"{_cut(draw)}*", f"*{draw(word)[-2:]}", "comm?nd"]))
        parts = draw(st.permutations([wild, draw(word)]))
        return '"' + " ".join(parts) + '"' + draw(st.sampled_from(["", "", "~1"]))
    if kind == 16:
        return f'="{draw(word)} {draw(word)}"'
    return draw(st.sampled_from(FIELDS.split()))


@st.composite
def near(draw: st.DrawFn, depth: int = 1) -> str:
    """Two terms near each other; each may be a group, or near another itself."""
    quoted = word.map('"{}"'.format)
    others = [near(depth - 1).map("({})".format)] if depth else []
    part = st.one_of(
        word.map(lambda chosen: chosen.split("-")[0]),
        quoted,
        word.map("={}".format),
        st.lists(quoted, min_size=2, max_size=3).map(lambda ways: f"({' OR '.join(ways)})"),
        st.sampled_from(["@guarded", "@place", "comm*", "l?shio", "lashio~", '"regional comm*"', "in:file"]),
        *others,
    )
    how = draw(st.sampled_from(["NEAR/0", "NEAR/2", "ONEAR/0", "ONEAR/3", "NEAR", "ONEAR"]))
    return f"{draw(part)} {how} {draw(part)}"


@st.composite
def a_query(draw: st.DrawFn, depth: int = 2) -> str:
    parts = []
    for number in range(draw(st.integers(1, 3))):
        part = draw(a_query(depth - 1)) if depth and draw(st.integers(0, 4)) == 0 else draw(leaf())
        part = f"({part})" if " " in part and part[0] not in '="' else part
        joint = (
            draw(st.sampled_from(["", "", "AND", "OR", "NOT", "OR NOT", "-"]))
            if number
            else draw(st.sampled_from(["", "", "", "NOT", "-"]))
        )
        parts.append(f"{joint}{part}" if joint in ("", "-") else f"{joint} {part}")
    return " ".join(parts).replace("--", "-")


@st.composite
def a_post(draw: st.DrawFn) -> dict[str, Any]:
    """What the rows of one post hold; the time of some is implausible, and stands in no order with the id."""
    at = 1_763_700_000 - draw(st.integers(0, 200_000))
    texts = [
        (kind, words + draw(st.sampled_from(["", ".pdf", ".MP4", ".tar.gz"])) if kind == "file" else words)
        for kind, words in draw(st.lists(st.tuples(st.sampled_from(KINDS), text), max_size=3))
    ]
    return {
        "second": at,
        "posted_at": draw(st.sampled_from([at * 1_000_000 + 5, at * 1_000_000, None, 1, 4_100_000_000_000_000])),
        "source": draw(st.sampled_from(["spokesman", "deskwire"])),
        "author": draw(st.sampled_from([None, "News Desk", "Ministry of Commands"])),
        "forward": draw(st.sampled_from([None, None, '{"name": "The desk"}'])),
        "reply_to": draw(st.sampled_from([None, None, "1"])),
        "voice": draw(st.booleans()),
        "rule": draw(st.sampled_from([None, "fell"])),
        "texts": [("body", draw(text)), *texts] if draw(st.integers(0, 9)) else texts,
        "old": draw(st.lists(text, max_size=1)),
    }


def fold_as_before(text: str) -> str:
    """The form of some older version: it knew of no syllables, plurals or encodings."""
    return " ".join(re.findall(r"\w+", text.casefold()))


class Shelf:
    """Posts in rows, in memory: made fast, so that many corpora can be tried."""

    def __init__(self, empty: Path, posts: list[dict[str, Any]]) -> None:
        self.memory = register(sqlite3.connect(":memory:"))
        self.reader = Reader(self.memory)
        with closing(sqlite3.connect(empty)) as source:
            source.backup(self.memory)
        put = self.memory.execute
        for number, (name, tags, side) in enumerate((("spokesman", '["junta"]', "junta"), ("deskwire", "[]", None)), 1):
            put(
                "INSERT INTO sources (id, name, kind, tags, side, enabled, state, state_since, paused, next_poll_at, "
                "failures) VALUES (?, ?, 'feed', ?, ?, 1, 'ok', 0, 0, 0, 0)",
                (number, name, tags, side),
            )
        put("UPDATE sources SET handle = 'Hill_Desk' WHERE name = 'spokesman'")
        for number, post in enumerate(sorted(posts, key=lambda post: post["second"])):
            self._put(post["second"] << 16 | number, post)
        put(full_text.REBUILD.format("posts_index"))
        note(Writer(self.memory), self.reader.column(f"SELECT {FOLDED.format('')} FROM texts"))

    def _put(self, post_id: int, post: dict[str, Any]) -> None:
        put = self.memory.execute
        current = [(kind, words, 1) for kind, words in post["texts"]]
        put(
            "INSERT INTO posts (id, source_id, native_id, posted_at, posted_raw, author, reply_to, forward, "
            "collected_at, alerts, revision, texts, language) VALUES (?, ?, ?, ?, '', ?, ?, ?, 0, 1, 0, ?, ?)",
            (
                post_id,
                1 if post["source"] == "spokesman" else 2,
                str(post_id),
                post["posted_at"],
                post["author"],
                post["reply_to"],
                post["forward"],
                len(current),
                language(current[0][1]) if current else "und",
            ),
        )
        for number, (kind, words, now) in enumerate([*(("body", words, 0) for words in post["old"]), *current]):
            stored = storable(words)
            version = post.get("version", FOLD_VERSION)
            folded = fold(stored) if version == FOLD_VERSION else fold_as_before(stored)
            kept = columns(folded, stored, plain=post["second"] % 2 == 0).values()  # half are as in older archives
            put(
                "INSERT INTO texts (id, post_id, kind, revision, text, folded, packed, fold_version, language, current)"
                " VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?)",
                (post_id << 14 | number, post_id, kind, stored, *kept, version, language(stored), now),
            )
        if post["voice"]:
            put(
                "INSERT INTO media (post_id, key, kind, revision, state) VALUES (?, 'v', 'voice', 0, 'pending')",
                (post_id,),
            )
        if post["rule"]:
            put(
                "INSERT INTO matches (rule, rule_version, post_id, document_hash, kind, at, hits, alerting, why) "
                "VALUES (?, '1', ?, '', 'match', 0, '[]', 0, '')",
                (post["rule"], post_id),
            )

    def age(self) -> None:
        """Make it an archive of which no post has moved to the new index yet."""
        put = self.memory.execute
        put(f"UPDATE texts SET folded = {FOLDED.format('')}, packed = NULL")
        put(
            'CREATE VIRTUAL TABLE texts_index USING fts5(folded, content="texts", content_rowid="id", '
            "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'\")"
        )
        put(full_text.REBUILD.format("texts_index"))
        put("INSERT INTO posts_index (posts_index) VALUES ('delete-all')")
        put("DELETE FROM words")
        put(
            "INSERT INTO meta (key, value) VALUES (?, ?)",
            (full_text.MOVE, f'{{"floor": {1 << 48}, "done": 0, "total": 0}}'),
        )

    def documents(self, *, history: bool = False) -> list[Document]:
        """All posts, newest first, asked for without search."""
        ids = [row[0] for row in self.reader.execute("SELECT id FROM posts ORDER BY id DESC")]
        loaded = documents.load_documents(self.reader, ids, history=history)
        return [loaded[post_id] for post_id in ids]


@pytest.fixture
def shelf(migrated_file: Path) -> Iterator[Callable[[list[dict[str, Any]]], Shelf]]:
    with ExitStack() as shelves:

        def put(posts: list[dict[str, Any]]) -> Shelf:
            made = Shelf(migrated_file, posts)
            shelves.callback(made.memory.close)
            return made

        yield put


PLAIN: dict[str, Any] = {
    "second": 1_763_600_000,
    "posted_at": None,
    "source": "spokesman",
    "author": None,
    "forward": None,
    "reply_to": None,
    "voice": False,
    "rule": None,
    "texts": [],
    "old": [],
}


@pytest.fixture
def two_sources(migrated_file: Path, tmp_path: Path) -> Path:
    """An archive of 2,100 posts of a source and 40 of another, each with words of its own and some of both."""
    path = tmp_path / "communique.db"
    path.write_bytes(migrated_file.read_bytes())
    path.chmod(0o600)
    said = ["army camp", "army -- old camps", "army", "old"]
    posts = [
        PLAIN | {"second": 1_763_600_000 + 60 * at, "texts": [("body", f"{said[at % 4]} w{at % 700}")]}
        for at in range(2_100)
    ]
    posts += [
        PLAIN
        | {"second": 1_763_600_001 + 900 * at, "source": "deskwire", "texts": [("body", f"{said[at % 4]} secret")]}
        for at in range(40)
    ]
    made = Shelf(path, posts)
    made.memory.commit()
    with closing(sqlite3.connect(path)) as whole:
        made.memory.backup(whole)
    made.memory.close()
    return path


@pytest.mark.parametrize("source", [1, 2, 3])
def test_who_sees_one_source_finds_what_there_is_of_it_whether_much_or_little(two_sources: Path, source: int) -> None:
    with closing(register(sqlite3.connect(two_sources))) as whole:
        of_all = Reader(whole)
        ids = of_all.column("SELECT id FROM posts WHERE source_id = :source ORDER BY id DESC", {"source": source})
        seen = documents.load_documents(of_all, ids)
    readers = RestrictedReaders(two_sources)
    with readers.reading(frozenset({source})) as reader:
        for query in ("army", "camp -old", "secret", "-army", "w5* OR secret", "c* -w12", "lang:und old"):
            tree = parse(query)
            held = [one for one in ids if evaluate(tree, seen[one]) is not None]
            assert [found.post_id for found in search.search(reader, tree, limit=None)] == held, query
            assert search.count(reader, tree) == len(held), query
            assert newest.find_newest(reader, tree.root, most=3_000).ids == held, query
            assert search.count_candidates(reader, tree).posts <= len(ids), query
    readers.close()


def parsed(query: str) -> Query | None:
    try:
        return parse(query, terms=TERMS)
    except QueryError:
        return None


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(corpus=st.lists(a_post(), min_size=1, max_size=12), queries=st.lists(a_query(), min_size=1, max_size=12))
def test_search_finds_exactly_the_posts_that_the_same_query_matches_as_a_rule(
    shelf: Callable[..., Shelf], corpus: list[dict[str, Any]], queries: list[str]
) -> None:
    made = shelf(corpus)
    everything = made.documents()
    asked = [(query, tree) for query in queries if (tree := parsed(query))]
    rules = compile_rules([Rule(str(number), tree, "1") for number, (_, tree) in enumerate(asked)])
    matched: dict[str, list[int]] = {str(number): [] for number in range(len(asked))}
    for document in everything:
        for match in rules.match(document):
            matched[match.rule].append(document.post_id)
    for number, (query, tree) in enumerate(asked):
        found = [(found.post_id, found.hits) for found in search.search(made.reader, tree, limit=None)]
        held = [(document.post_id, hits) for document in everything if (hits := evaluate(tree, document)) is not None]
        assert found == held, query
        assert [post_id for post_id, _ in found] == matched[str(number)], query
        assert search.count(made.reader, tree) == len(found), query
        assert search.count_some(made.reader, tree, effort=1000) == (len(found), True), query


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    corpus=st.lists(a_post(), min_size=1, max_size=12),
    queries=st.lists(a_query(), min_size=1, max_size=12),
    versions=st.lists(st.sampled_from([FOLD_VERSION, 1, 0, FOLD_VERSION + 1]), min_size=12, max_size=12),
    steps=st.integers(0, 3),
)
def test_an_archive_that_other_versions_have_folded_in_part_is_searched_as_rules_read_it(
    shelf: Callable[..., Shelf], corpus: list[dict[str, Any]], queries: list[str], versions: list[int], steps: int
) -> None:
    made = shelf([post | {"version": version} for post, version in zip(corpus, versions, strict=False)])
    trees = list(filter(None, map(parsed, queries)))

    def check() -> None:
        everything = made.documents()
        assert all(text.folded == fold(text.text) for document in everything for text in document.texts)
        for tree in trees:
            held = [document.post_id for document in everything if evaluate(tree, document) is not None]
            assert [found.post_id for found in search.search(made.reader, tree, limit=None)] == held, tree.text
            assert search.count(made.reader, tree) == len(held), tree.text
            assert search.count_some(made.reader, tree, effort=1000) == (len(held), True), tree.text

    check()
    for _ in range(steps):
        stale = dict(list(refolding.find_stale(made.reader).items())[:3])
        refolding.save(Writer(made.memory), {text_id: fold(text) for text_id, text in stale.items()})
    check()
    made.memory.execute(full_text.check("posts_index"))


DEEP = (
    "army has:voice",
    "army has:photo",
    "army (has:voice OR rare)",
    "(army OR has:forward) -has:reply -source:deskwire",
    "has:voice OR rare OR (navy has:reply source:spokesman)",
    "-(has:voice OR army OR has:reply)",
    "-army -navy",
    "army (rare OR (-nvay~ has:forward))",
    "nvay~ -date:>2025-11-21",
    "(rare OR rare2) nvay~ has:reply",
    "com* has:voice",
    "com* -army -has:reply",
    "(com* OR rare) (has:forward OR rule:fell)",
    "*rare* OR rule:fell",
    "ra?e -rule:fell",
    "event:7 army",
    "event:7 OR (id:{newest} OR rare)",
    "-event:7 rare",
    "date:2025-11-21 army OR date:[2025-11-19 TO 2025-11-20] has:voice",
    "army source:desk* -source:spokesman tag:junta",
    "/rar/ has:voice",
    "(/rar/ OR has:reply) -(has:voice army)",
    "has:reply -com*",
    "has:reply com* -com1*",
    "has:reply com* (amry~ OR nvay~) -rare",
    "(com1* OR com2*) -source:deskwire has:reply nvay~",
    "has:reply -source:deskwire (com* OR army) (rare OR -com*)",
    "lang:und has:reply -lang:my -com*",
    "-has:reply com* (rare OR has:forward OR -com*)",
)


def test_posts_far_back_are_found_by_words_and_facts_in_any_branch(shelf: Callable[..., Shelf]) -> None:
    """More posts than one set is taken from, and words with one beginning that are too many to be asked for."""
    begin, posts = 1_763_400_000, []
    for number in range(2_600):
        said = ["army"] * (number % 3 == 0) + ["navy"] * (number % 7 == 0) + ["rare"] * (number in (40, 900, 2_000))
        posts.append(
            PLAIN
            | {
                "second": begin + number * 150,
                "source": "deskwire" if number % 5 else "spokesman",
                "forward": '{"name": "The desk"}' if number in (70, 1_111) else None,
                "reply_to": "1" if number % 2 else None,
                "voice": number in (3, 40, 60, 1_500),
                "rule": "fell" if number in (5, 900) else None,
                "texts": [("body", " ".join((*said, f"com{number}x")))],
            }
        )
    made = shelf(posts)
    everything = made.documents()
    for key in ("a", "b"):  # so that there are many more photos than posts with photos
        made.memory.execute(
            "INSERT INTO media (post_id, key, kind, revision, state) "
            "SELECT id, ?, 'photo', 0, 'stored' FROM posts WHERE id % 2 = 0",
            (key,),
        )
    made.memory.execute("INSERT INTO events (id, opened_at, newest_at) VALUES (7, 0, 0)")
    for place in (-1, -100, 900):
        row = (everything[place].post_id, 7, "first", 0)
        made.memory.execute("INSERT INTO event_posts (post_id, event_id, reason, at) VALUES (?, ?, ?, ?)", row)
    everything = made.documents()
    for query in DEEP:
        tree = parse(query.format(newest=everything[0].post_id))
        held = [document.post_id for document in everything if evaluate(tree, document) is not None]
        assert [found.post_id for found in search.search(made.reader, tree, limit=None)] == held, query
        assert [found.post_id for found in search.search(made.reader, tree, limit=3)] == held[:3], query
        assert search.count(made.reader, tree) == len(held), query


def test_what_lies_below_a_thousand_posts_that_are_excluded_is_found(shelf: Callable[..., Shelf]) -> None:
    """Nothing but very many words narrows the query, and the newest posts are all replies."""
    made = shelf(
        [
            PLAIN
            | {
                "second": 1_763_400_000 + number * 150,
                "reply_to": "1" if number > 40 else None,
                "texts": [("body", f"c{chr(97 + number // 26 % 26)}{chr(97 + number % 26)}{'y' * (number // 676)}q")],
            }
            for number in range(1_100)
        ]
    )
    tree = parse("c*q -has:reply")
    held = [document.post_id for document in made.documents() if evaluate(tree, document) is not None]
    assert [found.post_id for found in search.search(made.reader, tree, limit=3)] == held[:3] != []


BEGINNINGS = (
    "army -c*",
    "-c*",
    "c* army",
    "army (-c* OR old)",
    "in:file -c*",
    "army -in:file -c*",
    "east -တ*",
    "c*",
    "c* OR east",
    "c* amry~",
    "in:file c*",
    "=army c*",
    "-(=army c*)",
)


def test_beginnings_that_very_many_words_have_are_read_as_rules_read_them(shelf: Callable[..., Shelf]) -> None:
    many = " ".join(
        f"c{chr(97 + number // 26 % 26)}{chr(97 + number % 26)}{'y' * (number // 676)}q" for number in range(1_100)
    )
    texts = [
        "army camp camp's",
        "army camp-fire",
        "army anti-camp",
        "army",
        "old army Camps",
        "army ccc",
        "east တပ်",
        "east",
    ]
    made = shelf(
        [PLAIN | {"second": 1_763_500_000, "texts": [("body", many)]}]
        + [PLAIN | {"second": 1_763_600_000 + at, "texts": [("body", said)]} for at, said in enumerate(texts)]
        + [PLAIN | {"second": 1_763_700_000, "texts": [("body", "army"), ("file", "camp.csv")]}]
        + [PLAIN | {"second": 1_763_700_001, "texts": [("body", "army"), ("file", "army.csv")]}]
    )
    for query in BEGINNINGS:
        tree = parse(query)
        held = [document.post_id for document in made.documents() if evaluate(tree, document) is not None]
        assert [found.post_id for found in search.search(made.reader, tree, limit=None)] == held, query
        assert search.count(made.reader, tree) == len(held), query
        assert newest.find_newest(made.reader, tree.root, most=50).ids == held, query


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(corpus=st.lists(a_post(), min_size=1, max_size=12), queries=st.lists(a_query(), min_size=1, max_size=8))
def test_history_searches_the_texts_of_old_revisions_too(
    shelf: Callable[..., Shelf], corpus: list[dict[str, Any]], queries: list[str]
) -> None:
    made = shelf(corpus)
    everything = made.documents(history=True)
    for tree in filter(None, map(parsed, queries)):
        found = [found.post_id for found in search.search(made.reader, tree, limit=None, history=True)]
        assert found == [document.post_id for document in everything if evaluate(tree, document) is not None]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(corpus=st.lists(a_post(), min_size=1, max_size=12), queries=st.lists(a_query(), min_size=1, max_size=8))
def test_an_archive_whose_index_is_still_to_be_moved_is_searched_as_rules_read_it(
    shelf: Callable[..., Shelf], corpus: list[dict[str, Any]], queries: list[str]
) -> None:
    made = shelf(corpus)
    made.age()
    for history in (False, True):
        everything = made.documents(history=history)
        for tree in filter(None, map(parsed, queries)):
            held = [document.post_id for document in everything if evaluate(tree, document) is not None]
            found = [one.post_id for one in search.search(made.reader, tree, limit=None, history=history)]
            assert found == held, tree.text
            assert search.count(made.reader, tree, history=history) == len(held), tree.text


@pytest.mark.parametrize("named", ["@hill_desk", "t.me/s/HILL_desk/7", "hill_desk", "spokesman"])
def test_a_source_is_found_by_its_channel_as_rules_find_it(shelf: Callable[..., Shelf], named: str) -> None:
    corpus = [PLAIN | {"source": source, "texts": [("body", "command")]} for source in ("spokesman", "deskwire")]
    made = shelf(corpus)
    for query in (f"command source:{named}", f"command -source:{named}"):
        tree = parse(query)
        matched = [one.post_id for one in made.documents() if evaluate(tree, one) is not None]
        assert [one.post_id for one in search.search(made.reader, tree, limit=None)] == matched
        assert len(matched) == 1


def test_limits_and_scopes_are_kept(shelf: Callable[..., Shelf]) -> None:
    posts = [
        PLAIN | {"second": PLAIN["second"] + 7200 * number, "texts": [("body", f"army {number}")], "source": name}
        for number, name in enumerate(["spokesman", "deskwire"] * 60)
    ]
    made = shelf(posts)
    army = parse("army")
    newest = [found.post_id >> 16 for found in search.search(made.reader, army, limit=3)]
    assert newest == [PLAIN["second"] + 7200 * number for number in (119, 118, 117)]
    since, until = ((PLAIN["second"] + 7200 * number) * 1_000_000 for number in (100, 104))
    assert search.count(made.reader, army, since=since, until=until) == 4
    assert search.count(made.reader, army, sources=("deskwire",)) == 60
    assert search.count(made.reader, army, tags=("junta",)) == 60
    assert search.count(made.reader, army, sources=("nobody",)) == 0
    assert search.count(made.reader, parse("-navy"), since=since, sources=("deskwire",)) == 10
    assert list(search.search(made.reader, army, limit=0)) == []


def test_words_in_several_texts_of_one_post_are_found_together(shelf: Callable[..., Shelf]) -> None:
    spread = PLAIN | {"texts": [("body", "the army"), ("transcript", "took the town"), ("ocr", "12:30")]}
    alone = [
        PLAIN | {"second": PLAIN["second"] + 60 * number, "texts": [("body", "the army")]} for number in range(1, 90)
    ]
    made = shelf([spread, *alone])
    for query in ("army town", "army town 12", "town (army OR navy) -village", "(army 12) OR navy"):
        [found] = search.search(made.reader, parse(query), limit=20)
        assert {hit.kind for hit in found.hits} >= {"body"}
    assert search.count(made.reader, parse('"army took"')) == 0


def test_what_a_text_no_longer_says_is_found_with_history_only(shelf: Callable[..., Shelf]) -> None:
    made = shelf([PLAIN | {"texts": [("body", "regrouping")], "old": ["retreating"]}])
    assert search.count(made.reader, parse("retreating")) == 0
    assert search.count(made.reader, parse("retreating"), history=True) == 1


def test_history_finds_words_of_which_one_was_edited_away_and_the_other_came_later(
    shelf: Callable[..., Shelf],
) -> None:
    edited = PLAIN | {"texts": [("body", "regrouping at the river")], "old": ["retreating"]}
    others = [
        PLAIN | {"second": PLAIN["second"] + 60 * number, "texts": [("body", "regrouping")]} for number in range(1, 90)
    ]
    made = shelf([edited, *others])
    for query in ("retreating regrouping", "river retreating", "retreating -navy river"):
        assert search.count(made.reader, parse(query), history=True) == 1
        assert search.count(made.reader, parse(query)) == 0


def test_the_index_tells_tokens_apart_as_the_evaluator_does(shelf: Callable[..., Shelf]) -> None:
    rows = ["လားရှိုး", "ရှိုးလား", "တပ်", "အတပ်", "腊戌", "戌腊", "cease-fire", "fire cease"]
    made = shelf(
        [PLAIN | {"second": PLAIN["second"] + number, "texts": [("body", row)]} for number, row in enumerate(rows)]
    )
    for query in ("လားရှိုး", "腊戌", "ceasefire", '"cease fire"'):
        assert search.count(made.reader, parse(query)) == 1
    assert search.count(made.reader, parse("တပ်")) == 2


def test_a_post_saved_by_the_line_is_found(desk: Any, make_post: Callable[..., FetchedPost]) -> None:
    desk.save(make_post(1, "The regional command fell"), make_post(2, "Lashio\x00 is\ud800 quiet"))
    with desk.archive.reading() as reader:
        for query in ("command", "lashio quiet", "source:spokesman side:junta fell"):
            [found] = search.search(reader, parse(query), limit=20)
            assert found.hits


def test_what_a_letter_only_quotes_is_stored_and_found_where_it_is_asked_for(
    desk: Any, make_post: Callable[..., FetchedPost]
) -> None:
    letter = make_post(1, "We deny this")
    desk.save(replace(letter, quoted="They wrote: the bridge fell"), make_post(2, "The bridge is whole"))
    desk.save(replace(letter, text="We deny this again", quoted="They wrote: the tower fell", edited=True))
    with desk.archive.reading() as reader:
        for query, posts in (("bridge", 1), ("in:quoted", 1), ("in:quoted tower", 1), ("in:quoted bridge", 0)):
            assert len(list(search.search(reader, parse(query), limit=None))) == posts, query
            assert search.count(reader, parse(query)) == posts, query


def test_the_index_has_a_column_for_every_kind_of_text() -> None:
    assert set(KINDS_OF_INDEX) == set(get_args(TextKind))


@pytest.mark.parametrize(
    "query",
    [
        " OR ".join(f"w{number}" for number in range(1_500)),
        " ".join(["army"] * 1_900),
        "a " * 4_000,
        '"' + "army " * 1_900 + '"',
    ],
)
def test_a_query_of_ten_thousand_characters_is_answered(shelf: Callable[..., Shelf], query: str) -> None:
    made = shelf([PLAIN | {"texts": [("body", "army w1499 a")]}])
    assert search.count(made.reader, parse(query)) == int(not query.startswith('"'))
