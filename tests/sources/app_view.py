"""An AppView over a real server of accounts: what it has indexed it shows as the lexicons of app.bsky.feed say.

https://docs.bsky.app/docs/api/app-bsky-feed-get-author-feed
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tests.sources.bluesky_server import JSON, written
from tests.sources.loopback_server import Answer
from tests.sources.real_pds import POST, REPOST, PdsAccount

_LONGEST = 100  # entries of a page


@dataclass
class Indexed:
    """A record as it was indexed, and when."""

    uri: str
    cid: str
    value: dict[str, Any]
    at: int

    @property
    def owner(self) -> str:
        return self.uri.split("/")[2]

    def place(self, *, by_index: bool) -> str:
        """What sorts a feed: the earlier one of both times, or the time of indexing alone. It is a cursor, too."""
        said = str(self.value.get("createdAt", ""))
        at = written(self.at)
        usable = len(said) == len(at) and said[:2] in ("19", "20") and not by_index
        return f"{min(said, at) if usable else at}::{self.cid}"


@dataclass
class AppView:
    """It knows what it saw at the last `catch_up`: until the next one it lags. `page` is the most that it gives."""

    accounts: list[PdsAccount]
    now: Callable[[], int]
    page: int = _LONGEST
    by_index: bool = False
    index: dict[str, Indexed] = field(default_factory=dict)
    handles: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)  # keys of posts and reposts that it does not list
    refusals: dict[str, tuple[str, str]] = field(default_factory=dict)  # by DID: error and message

    def catch_up(self) -> None:
        """Look at all accounts as they are now."""
        seen: dict[str, Indexed] = {}
        for account in self.accounts:
            about = account.server.get("com.atproto.repo.describeRepo", repo=account.did)
            if "error" in about:
                continue
            names = account.server.directory.document(account.did)["alsoKnownAs"]
            self.handles[account.did] = about["handle"] if f"at://{about['handle']}" in names else "handle.invalid"
            for kind in (POST, REPOST):
                for one in reversed([*account.records(kind)]):
                    known = self.index.get(one["uri"])
                    if known is None or known.cid != one["cid"]:
                        known = Indexed(one["uri"], one["cid"], one["value"], self.now())
                    seen[one["uri"]] = known
        self.index = seen

    def reply(self, path: str) -> Answer:
        """What it answers to a GET of /xrpc/app.bsky.…"""
        parts = urlsplit(path)
        given = {key: values[0] for key, values in parse_qs(parts.query).items()}
        name = parts.path.removeprefix("/xrpc/")
        if name not in {"app.bsky.actor.getProfile", "app.bsky.feed.getAuthorFeed"}:
            return refusal("MethodNotImplemented", "Method Not Implemented", 501)
        did = self._find(given.get("actor", ""))
        if did is None:
            return refusal("InvalidRequest", "Profile not found")
        if did in self.refusals:
            return refusal(*self.refusals[did])
        if name.endswith("getProfile"):
            posts = sum(one.owner == did and f"/{POST}/" in one.uri for one in self.index.values())
            counts = {"followersCount": 0, "followsCount": 0, "postsCount": posts}
            return _json(self._author(did) | counts | {"indexedAt": written(self.now())})
        limit = int(given.get("limit", "50"))
        if not 1 <= limit <= _LONGEST:
            return refusal("InvalidRequest", "Error: limit can not be greater than 100")
        return _json(self._feed(did, given, min(limit, self.page)))

    def _find(self, actor: str) -> str | None:
        return next((did for did, handle in self.handles.items() if actor in (did, handle)), None)

    def _feed(self, did: str, given: dict[str, str], limit: int) -> dict[str, Any]:
        def place(one: Indexed) -> str:
            return one.place(by_index=self.by_index)

        own = sorted((one for one in self.index.values() if one.owner == did), key=place, reverse=True)
        cursor = given.get("cursor")
        left = [one for one in own if cursor is None or place(one) < cursor]
        shown = left[:limit]
        feed = [entry for one in shown if one.uri.rpartition("/")[2] not in self.hidden and (entry := self._entry(one))]
        if given.get("filter") == "posts_no_replies":
            feed = [one for one in feed if "reply" not in one]
        return {"feed": feed, **({"cursor": place(shown[-1])} if len(left) > limit else {})}

    def _entry(self, one: Indexed) -> dict[str, Any] | None:
        if f"/{REPOST}/" in one.uri:
            subject = self.index.get(one.value["subject"]["uri"])
            if subject is None:
                return None
            reason = {
                "$type": "app.bsky.feed.defs#reasonRepost",
                "by": self._author(one.owner),
                "uri": one.uri,
                "cid": one.cid,
                "indexedAt": written(one.at),
            }
            return {"post": self._post(subject), "reason": reason}
        entry: dict[str, Any] = {"post": self._post(one)}
        if reply := one.value.get("reply"):
            entry["reply"] = {name: self._above(reply[name]["uri"]) for name in ("root", "parent")}
        return entry

    def _above(self, uri: str) -> dict[str, Any]:
        found = self.index.get(uri)
        if found is None:
            return {"$type": "app.bsky.feed.defs#notFoundPost", "uri": uri, "notFound": True}
        return {"$type": "app.bsky.feed.defs#postView", **self._post(found)}

    def _post(self, one: Indexed) -> dict[str, Any]:
        embed = one.value.get("embed")
        return {
            "uri": one.uri,
            "cid": one.cid,
            "author": self._author(one.owner),
            "record": one.value,
            **({"embed": view} if embed and (view := self._embed(embed, one.owner)) else {}),
            "bookmarkCount": 0,
            "replyCount": 0,
            "repostCount": 0,
            "likeCount": len(one.uri) + self.now() % 97,  # it changes, and is no edit
            "quoteCount": 0,
            "indexedAt": written(one.at),
            "labels": [],
        }

    def _embed(self, embed: dict[str, Any], did: str) -> dict[str, Any] | None:
        match embed["$type"]:
            case "app.bsky.embed.images":
                shown = [
                    {"thumb": at, "fullsize": at, "alt": one["alt"]}
                    for one in embed["images"]
                    for at in [f"https://cdn.example/img/plain/{did}/{one['image']['ref']['$link']}@jpeg"]
                ]
                return {"$type": "app.bsky.embed.images#view", "images": shown}
            case "app.bsky.embed.record":
                return {"$type": "app.bsky.embed.record#view", "record": self._quoted(embed["record"]["uri"])}
            case "app.bsky.embed.recordWithMedia":
                return {
                    "$type": "app.bsky.embed.recordWithMedia#view",
                    "record": {"record": self._quoted(embed["record"]["record"]["uri"])},
                    "media": self._embed(embed["media"], did),
                }
            case "app.bsky.embed.external":
                return {"$type": "app.bsky.embed.external#view", "external": embed["external"]}
        return None

    def _quoted(self, uri: str) -> dict[str, Any]:
        found = self.index.get(uri)
        if found is None:
            return {"$type": "app.bsky.embed.record#viewNotFound", "uri": uri, "notFound": True}
        return {
            "$type": "app.bsky.embed.record#viewRecord",
            "uri": uri,
            "cid": found.cid,
            "author": self._author(found.owner),
            "value": found.value,
            "labels": [],
            "indexedAt": written(found.at),
            "embeds": [],
        }

    def _author(self, did: str) -> dict[str, Any]:
        handle = self.handles.get(did, "handle.invalid")
        return {"did": did, "handle": handle, "displayName": f"Office of {quote(handle)}", "labels": []}


def refusal(error: str, message: str, status: int = 400) -> Answer:
    """How a server says no."""
    return _json({"error": error, "message": message}, status)


def _json(value: object, status: int = 200) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False).encode(), status, dict(JSON))
