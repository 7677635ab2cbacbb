"""Who passes on whom: forwards, replies, links and copies as CSV tables and as GraphML (http://graphml.graphdrawing.org).

A node is a post, by its source and its id there; or something outside the archive, by its address or name.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import TYPE_CHECKING, BinaryIO
from xml.sax.saxutils import escape, quoteattr

from bot.documents.as_json import iso
from bot.export.contract import Format, Material, Place
from bot.foreign.graphemes import clip
from bot.foreign.text import csv_cell, one_line
from storage.exports.seen import SeenNames
from storage.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.rows import PostRow

_NODE = ("id", "kind", "source", "label", "url", "posted_at")
_EDGE = ("from", "to", "kind", "at", "words", "likeness")
_LABEL = 100


@dataclass(frozen=True, slots=True)
class Edge:
    """One post passes on, answers or points to something; `to` is the node, `node` its columns if it is outside."""

    origin: str
    to: str
    kind: str
    at: int | None
    words: str
    likeness: float | None
    node: tuple[str, ...]


def write(material: Material, place: Place) -> None:
    """Write edges and nodes as tables, and both as one graph, page by page."""
    with (
        SeenNames(place.scratch() / "nodes") as seen,
        place.create("edges.csv") as edges,
        place.create("nodes.csv") as nodes,
        place.create("graph.graphml") as graph,
    ):
        _write_rows(edges, [_EDGE])
        _write_rows(nodes, [_NODE])
        graph.write(_opening().encode())
        for page in material.pages():
            found = list(_edges(material, page))
            own = [_node_of(post) for post in page]
            seen.mark_written(node[0] for node in own)
            seen.mention((edge.to, "\x1f".join(edge.node)) for edge in found)
            _write_nodes(nodes, graph, own)
            _write_rows(edges, map(_cells, found))
            graph.write("".join(map(_drawn_edge, found)).encode())
        for _, words in seen.left():
            _write_nodes(nodes, graph, [words.split("\x1f")])
        graph.write(b"</graph>\n</graphml>\n")


def _edges(material: Material, page: "Sequence[PostRow]") -> Iterator[Edge]:
    """Every edge that begins at a post of the page."""
    events = {post.event for post in page if post.joined_by and post.event is not None}
    first = material.names(events) if events else {}
    urls = {link.url for post in page for link in post.links}
    urls |= {post.forward.url for post in page if post.forward and post.forward.url}
    known = material.addresses(urls) if urls else {}
    for post in page:
        yield from _edges_of(post, first, known)


def _edges_of(
    post: "PostRow", first: "Mapping[int, tuple[str, str]]", known: "Mapping[str, tuple[str, str]]"
) -> Iterator[Edge]:
    origin = _name(post.source, post.native_id)

    def edge(kind: str, node: tuple[str, ...], words: str = "", likeness: float | None = None) -> Edge:
        return Edge(origin, node[0], kind, post.posted_at, words, likeness, node)

    if (forward := post.forward) is not None:
        target = _outside(forward.url, known) if forward.url else _unnamed(forward.name)
        yield edge("forward", target, forward.name)
    if post.reply_to is not None:
        yield edge("reply", _post(post.source, post.reply_to))
    for link in filter(lambda link: link.url.strip(), post.links):
        yield edge("link", _outside(link.url, known), link.text)
    if post.joined_by and post.event is not None and post.event in first:
        yield edge("copy", _post(*first[post.event]), post.joined_by, post.likeness)


def _name(source: str, native_id: str) -> str:
    return one_line(f"{source}/{native_id}")


def _node_of(post: "PostRow") -> tuple[str, ...]:
    label = clip(one_line((post.title or post.text)[: 4 * _LABEL]), _LABEL)
    name = _name(post.source, post.native_id)
    return name, "post", one_line(post.source), label, one_line(post.url or ""), iso(post.posted_at) or ""


def _post(source: str, native_id: str) -> tuple[str, ...]:
    """A post that may be in the export or not."""
    return _name(source, native_id), "post", one_line(source), "", "", ""


def _outside(url: str, known: "Mapping[str, tuple[str, str]]") -> tuple[str, ...]:
    """The post of the archive that has this address, or else the address."""
    if url in known:
        return _post(*known[url])
    return one_line(url), "address", "", "", one_line(url), ""


def _unnamed(name: str) -> tuple[str, ...]:
    return f"name:{one_line(name)}", "name", "", clip(one_line(name), _LABEL), "", ""


def _cells(edge: Edge) -> tuple[str, ...]:
    likeness = "" if edge.likeness is None else str(edge.likeness)
    return edge.origin, edge.to, edge.kind, iso(edge.at) or "", one_line(edge.words), likeness


def _write_rows(out: BinaryIO, rows: Iterable[Sequence[str]]) -> None:
    text = StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(map(csv_cell, row) for row in rows)
    out.write(text.getvalue().encode())


# GraphML --------------------------------------------------------------------------------------------------------------


def _opening() -> str:
    keys = [f'<key id="n{at}" for="node" attr.name="{name}" attr.type="string"/>' for at, name in enumerate(_NODE)]
    keys += [
        f'<key id="e{at}" for="edge" attr.name="{name}" attr.type="{"double" if name == "likeness" else "string"}"/>'
        for at, name in enumerate(_EDGE)
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
        + "".join(f"{key}\n" for key in keys if 'name="id"' not in key and 'name="from"' not in key)
        + '<graph edgedefault="directed">\n'
    )


def _write_nodes(table: BinaryIO, graph: BinaryIO, nodes: Sequence[Sequence[str]]) -> None:
    _write_rows(table, nodes)
    graph.write("".join(f"<node id={_quoted(node[0])}>{_data('n', node)}</node>\n" for node in nodes).encode())


def _drawn_edge(edge: Edge) -> str:
    cells = _cells(edge)
    return f"<edge source={_quoted(cells[0])} target={_quoted(cells[1])}>{_data('e', cells, first=2)}</edge>\n"


def _data(prefix: str, cells: Sequence[str], first: int = 1) -> str:
    return "".join(
        f'<data key="{prefix}{at}">{escape(_for_xml(cell))}</data>'
        for at, cell in enumerate(cells)
        if cell and at >= first
    )


def _quoted(text: str) -> str:
    return quoteattr(_for_xml(text))


def _for_xml(text: str) -> str:
    """Two characters that no XML may have, and that are no danger anywhere else: they are replaced."""
    return text.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")


FORMAT = Format(write)
