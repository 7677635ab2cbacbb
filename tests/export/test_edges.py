"""Edges as tables and as a graph: who forwards, answers, links to and copies whom."""

import csv
from pathlib import Path

import pytest

from tests.export.exported import Exports


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_kind_of_edge_is_there_between_nodes_that_are_there_once(exports: Exports, tmp_path: Path) -> None:
    out = exports.make("edges", tmp_path / "out").path
    nodes, edges = _rows(out / "nodes.csv"), _rows(out / "edges.csv")
    assert {edge["kind"] for edge in edges} >= {"forward", "copy", "link"}
    names = [node["id"] for node in nodes]
    assert len(set(names)) == len(names)
    assert {edge["from"] for edge in edges} | {edge["to"] for edge in edges} <= set(names)
    copies = [edge for edge in edges if edge["kind"] == "copy"]
    assert all(edge["from"] != edge["to"] and edge["words"] for edge in copies)


def test_what_lies_outside_the_answer_is_a_node_without_words(exports: Exports, tmp_path: Path) -> None:
    out = exports.make("edges", tmp_path / "out", sources=("valley-radio",)).path
    others = [node for node in _rows(out / "nodes.csv") if node["source"] != "valley-radio" and node["kind"] == "post"]
    assert all(node["label"] == "" for node in others)


@pytest.mark.parametrize("which", ["exports", "hostile"])
def test_the_graph_is_the_tables(request: pytest.FixtureRequest, which: str, tmp_path: Path) -> None:
    networkx = pytest.importorskip("networkx", reason="networkx is missing; make setup-web brings it")
    out = request.getfixturevalue(which).make("edges", tmp_path / "out").path
    graph = networkx.read_graphml(out / "graph.graphml", force_multigraph=True)
    nodes, edges = _rows(out / "nodes.csv"), _rows(out / "edges.csv")
    assert graph.number_of_nodes() == len(nodes)
    assert graph.number_of_edges() == len(edges) > 5
    assert graph.is_directed()
