"""An AppView, a directory and an account's own server in one value, as docs.bsky.app and atproto.com document them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.sources.loopback_server import NOW, Answer

JSON = {"Content-Type": "application/json"}
DID = "did:plc:ferryofficetownaaaaaaaa2"
OTHER = "did:plc:harbourwatchseaaaaaaaaa3"
SECOND = 1_000_000


def written(at: int) -> str:
    """A time as the servers write it."""
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class BlueskyServer:
    """One account. Give it to a peer as `peer.reply = server.reply`; `asked` holds the paths of all requests.

    `lag`: the AppView still shows what was deleted at the account's own server. `by_place`: cursors are places in the
    feed and not times. `names` is what the account calls itself in its document, None: the document does not say it.
    """

    page: int = 100
    handle: str = "ferry.town.example"
    entries: list[dict[str, Any]] = field(default_factory=list)  # of the feed, oldest first
    records: dict[str, dict[str, Any]] = field(default_factory=dict)  # by collection/key
    asked: list[str] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)  # by a part of a path: instead of the usual answer
    lag: bool = False
    by_place: bool = False
    endless: bool = False  # its last page names a cursor, too
    upwards: bool = False  # the account's own server begins with the oldest record
    pinned: dict[str, Any] | None = None  # an entry that stands on top of the newest page
    status: str | None = None  # what the account's own server says of an account that it does not show
    names: list[str] | None = None
    url: str = ""  # of the account's own server, as the directory knows it
    next: int = 1

    def author(self) -> dict[str, Any]:
        return {"did": DID, "handle": self.handle, "displayName": "Ferry Office"}

    def post(self, text: str, **record: Any) -> str:
        """Publish; returns the key."""
        key, at = f"3k{self.next:011d}", NOW - (1000 - self.next) * 60 * SECOND
        self.next += 1
        value = {"$type": "app.bsky.feed.post", "text": text, "createdAt": written(at), "langs": ["en"], **record}
        self.records[f"app.bsky.feed.post/{key}"] = value
        view = {
            "uri": f"at://{DID}/app.bsky.feed.post/{key}",
            "cid": f"cid-{self.next}",
            "author": self.author(),
            "record": value,
            "indexedAt": written(at + SECOND),
            "likeCount": self.next,
        }
        self.entries.append({"post": view})
        return key

    def edit(self, key: str, text: str) -> None:
        """Put another record under the same key: another cid."""
        value = self.records[f"app.bsky.feed.post/{key}"] | {"text": text}
        self.records[f"app.bsky.feed.post/{key}"] = value
        for entry in self.entries:
            if entry["post"]["uri"].endswith(f"/{key}"):
                entry["post"] = entry["post"] | {"record": value, "cid": f"{entry['post']['cid']}-again"}

    def repost(self, text: str) -> str:
        """Repost something of another account; returns the key of the repost."""
        key, at = f"3k{self.next:011d}", NOW - (1000 - self.next) * 60 * SECOND
        self.next += 1
        record = {"$type": "app.bsky.feed.post", "text": text, "createdAt": written(NOW - 9_000 * 60 * SECOND)}
        view = {
            "uri": f"at://{OTHER}/app.bsky.feed.post/3kharbour",
            "cid": "cid-harbour",
            "author": {"did": OTHER, "handle": "harbour.sea.example", "displayName": "Harbour Watch"},
            "record": record,
            "indexedAt": record["createdAt"],
        }
        reason = {
            "$type": "app.bsky.feed.defs#reasonRepost",
            "by": self.author(),
            "uri": f"at://{DID}/app.bsky.feed.repost/{key}",
            "indexedAt": written(at),
        }
        self.records[f"app.bsky.feed.repost/{key}"] = {"subject": {"uri": view["uri"]}}
        self.entries.append({"post": view, "reason": reason})
        return key

    def delete(self, key: str) -> None:
        """Delete the record; unless it lags, the AppView forgets it too."""
        self.records = {name: value for name, value in self.records.items() if not name.endswith(f"/{key}")}
        if not self.lag:
            self.entries = [one for one in self.entries if _key(one) != key]

    def reply(self, path: str) -> Answer:
        """What the server answers to a GET."""
        self.asked.append(path)
        for part, answer in self.answers.items():
            if part in path:
                return answer
        parts = urlsplit(path)
        given = {key: values[0] for key, values in parse_qs(parts.query).items()}
        match parts.path.removeprefix("/xrpc/"):
            case "app.bsky.actor.getProfile" if given.get("actor") in (DID, self.handle):
                return _json(self.author() | {"postsCount": len(self.entries)})
            case "app.bsky.actor.getProfile":
                return _json({"error": "InvalidRequest", "message": "Profile not found"}, 400)
            case "app.bsky.feed.getAuthorFeed" if given.get("actor") == DID:
                return self._feed(given.get("cursor"))
            case "com.atproto.repo.getRecord":
                value = self.records.get(f"{given['collection']}/{given['rkey']}")
                if value is None:
                    return _json({"error": "RecordNotFound", "message": "Could not locate record"}, 400)
                uri = f"at://{DID}/{given['collection']}/{given['rkey']}"
                return _json({"uri": uri, "cid": "cid", "value": value})
            case "com.atproto.repo.listRecords":
                cursor = given.get("cursor", "" if self.upwards else "~")
                posts = [(name, value) for name, value in self.records.items() if name.startswith(given["collection"])]
                shown = [
                    {"uri": f"at://{DID}/{name}", "cid": "cid", "value": value}
                    for name, value in posts[:: 1 if self.upwards else -1]
                    if (name[-13:] > cursor if self.upwards else name[-13:] < cursor)
                ][: self.page]
                return _json({"records": shown, **({"cursor": str(shown[-1]["uri"])[-13:]} if shown else {})})
            case "com.atproto.sync.getRepoStatus":
                away = {"active": False, "status": self.status} if self.status else {"active": True}
                return _json({"did": DID, **away})
        if parts.path == f"/{DID}":
            service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": self.url}
            named = {} if self.names is None else {"alsoKnownAs": self.names}
            return _json({"id": DID, "service": [service], **named})
        return _json({"error": "MethodNotImplemented", "message": "Method Not Implemented"}, 501)

    def _feed(self, cursor: str | None) -> Answer:
        if self.by_place:
            place = int(cursor or 0)
            shown = self.entries[::-1][place:]
            cursors = str(place + len(shown[: self.page]))
        else:
            shown = [one for one in self.entries[::-1] if cursor is None or _key(one) < cursor]
            cursors = _key(shown[: self.page][-1]) if shown else ""
        body: dict[str, Any] = {"feed": shown[: self.page]}
        if self.pinned is not None and cursor is None:
            body["feed"] = [self.pinned, *body["feed"]]
        if len(shown) > self.page or self.endless:
            body["cursor"] = cursors
        return _json(body)


def _key(entry: dict[str, Any]) -> str:
    """What sorts the feed here: keys of records grow with time."""
    return str((entry.get("reason") or entry["post"])["uri"].rpartition("/")[2])


def _json(value: object, status: int = 200) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False).encode(), status, dict(JSON))
