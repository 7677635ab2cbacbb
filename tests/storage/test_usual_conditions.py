"""Which conditions of a query are left out of its plan, because they would narrow it too little for what they cost."""

from storage.language.fold import fold
from storage.language.match import Document, DocumentText, PreparedDocument
from storage.language.query import parse
from storage.language.tree import And, Node, Or
from storage.search.usual import without_usual


def post(text: str) -> PreparedDocument:
    said = DocumentText(1, "body", text, fold(text), "en", None)
    return PreparedDocument(Document(1, "desk", frozenset(), None, None, None, "en", frozenset(), 0, (said,)))


POSTS = [*[post("army camp")] * 6, *[post("army")] * 3, post("old navy")]


def left(query: str, dear: str) -> Node:
    return without_usual(parse(query).root, POSTS, lambda node: node == parse(dear).root)


def test_a_dear_condition_that_many_posts_meet_is_left_out() -> None:
    assert left("arm* cam* navy", "arm*") == parse("cam* navy").root
    assert left("arm* (navy OR army)", "arm*") == And((parse("navy OR army").root,))


def test_a_cheap_one_and_one_that_few_posts_meet_stay() -> None:
    assert left("arm* navy", "nav*") == parse("arm* navy").root
    assert left("arm* nav*", "nav*") == parse("arm* nav*").root


def test_what_excludes_posts_stays_only_where_it_excludes_nearly_all() -> None:
    assert left("navy -arm*", "-arm*") == And((parse("navy").root,))
    assert left("navy -(army OR navy)", "-(army OR navy)") == parse("navy -(army OR navy)").root


def test_in_each_branch_its_own_conditions_are_looked_at() -> None:
    assert left("(arm* rare) OR (old navy)", "arm*") == Or((And((parse("rare").root,)), parse("old navy").root))
