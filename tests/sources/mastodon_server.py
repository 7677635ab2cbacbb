"""A Mastodon server in one value: the answers that docs.joinmastodon.org documents, for one account and its statuses."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.sources.loopback_server import NOW, Answer, Peer
from tests.sources.streams import EventStreams

JSON = {"Content-Type": "application/json; charset=utf-8"}
SECOND = 1_000_000


def written(at: int) -> str:
    """A time as the server writes it."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at / SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class MastodonServer:
    """One account. Give it to a peer as `peer.reply = server.reply`; `asked` holds the paths of all requests."""

    name: str = "ferry_office"
    id: str = "109300000000000001"
    page: int = 40  # statuses a page, at most
    statuses: list[dict[str, Any]] = field(default_factory=list)  # oldest first
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=dict)  # more fields of the account
    asked: list[str] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)  # by the beginning of a path: instead of the usual answer
    streams: EventStreams = field(default_factory=EventStreams)
    next: int = 1

    def owner(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "username": self.name,
            "acct": self.name,
            "display_name": "Ferry Office",
            "uri": f"https://town.example/users/{self.name}",
            "url": f"https://town.example/@{self.name}",
            "statuses_count": len(self.statuses),
            **self.account,
        }

    def post(self, html: str, native_id: str = "", **more: Any) -> str:
        """Publish; returns the id."""
        native_id = native_id or str(109_300_000_000_000_000 + self.next)
        at = NOW - (1000 - self.next) * 60 * SECOND
        self.next += 1
        status = {
            "id": native_id,
            "created_at": written(at),
            "edited_at": None,
            "content": html,
            "spoiler_text": "",
            "uri": f"https://town.example/users/{self.name}/statuses/{native_id}",
            "url": f"https://town.example/@{self.name}/{native_id}",
            "account": self.owner(),
            "reblog": None,
            "media_attachments": [],
            "poll": None,
            "card": None,
            **more,
        }
        self.statuses.append(status)
        self.versions[native_id] = [{"content": html, "spoiler_text": "", "created_at": status["created_at"]}]
        return native_id

    def edit(self, native_id: str, html: str) -> None:
        """Change the words of a status, which keeps its versions."""
        status = next(one for one in self.statuses if one["id"] == native_id)
        versions = self.versions[native_id]
        status["content"], status["edited_at"] = html, written(NOW - (100 - len(versions)) * SECOND)
        versions.append({"content": html, "spoiler_text": "", "created_at": status["edited_at"]})

    def delete(self, native_id: str) -> None:
        """Remove a status."""
        self.statuses = [one for one in self.statuses if one["id"] != native_id]

    def reply_of(self, peer: Peer) -> Callable[[str], Answer]:
        """As `reply`, with streams: they are for those who show a token."""

        def reply(path: str) -> Answer:
            stream = urlsplit(path).path.partition("/api/v1/streaming/")[2]
            return self.streams.reply(stream, peer.asked[-1][1]) if stream else self.reply(path)

        return reply

    def reply(self, path: str) -> Answer:
        """What the server answers to a GET."""
        self.asked.append(path)
        for beginning, answer in self.answers.items():
            if path.startswith(beginning):
                return answer
        parts = urlsplit(path)
        given = {key: values[0] for key, values in parse_qs(parts.query).items()}
        match parts.path.strip("/").split("/")[2:]:
            case ["accounts", "lookup"] if given.get("acct") == self.name:
                return self._json(self.owner())
            case ["accounts", self.id]:
                return self._json(self.owner())
            case ["accounts", self.id, "statuses"]:
                shown = [one for one in self.statuses if _before(one["id"], given.get("max_id"))]
                return self._json([one | {"account": self.owner()} for one in shown[::-1][: self.page]])
            case ["statuses", native_id]:
                found = [one for one in self.statuses if one["id"] == native_id]
                return self._json(found[0]) if found else self._json({"error": "Record not found"}, 404)
            case ["statuses", native_id, "history"] if native_id in self.versions:
                return self._json(self.versions[native_id])
        return self._json({"error": "Record not found"}, 404)

    def _json(self, value: object, status: int = 200) -> Answer:
        return Answer(json.dumps(value, ensure_ascii=False).encode(), status, dict(JSON))


def _before(native_id: str, limit: str | None) -> bool:
    return limit is None or (len(native_id), native_id) < (len(limit), limit)
