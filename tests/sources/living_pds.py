"""A peer that lives at a real server of accounts, behind an AppView that lags, and with faults on the way to both."""

from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

from tests.sources.app_view import AppView, refusal
from tests.sources.bluesky_server import JSON, SECOND, written
from tests.sources.living_peers import MINUTE, Keys, LivingPeer
from tests.sources.loopback_server import NOW, Answer, Peer
from tests.sources.real_pds import POST, REPOST, PdsAccount, RealPds, key_at

PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
AWAY = ("view away", "home away", "all away")
_A_PAGE = 7  # so that a short life has ways down, too


@dataclass
class LivingPds(LivingPeer):
    """One account there: posts, replies, quotes, pictures, reposts of a neighbour, times that are none.

    While it is `shuffled` the AppView lags: it shows what was there when that began. A mood is which servers fail; with
    `stays_away` the AppView fails to the end.
    """

    kind = "bluesky"
    moods = (*AWAY, "all back")
    server: RealPds = None  # type: ignore[assignment]
    account: PdsAccount = field(init=False)
    neighbour: PdsAccount = field(init=False)
    view: AppView = field(init=False)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    count: int = 0  # of what was published
    moment: int = 0  # of what happened at all
    stays_away: bool = False
    served: bool = False  # a lag begins only once all was shown

    def __post_init__(self) -> None:
        self.account, self.neighbour = self.server.sign_up("ferry"), self.server.sign_up("harbour")
        self.view = AppView([self.account, self.neighbour], lambda: self.time, page=_A_PAGE)
        self.picture = self.account.upload(PNG, "image/png")

    @property
    def time(self) -> int:
        """When it publishes next: it began half a day ago."""
        return NOW - 720 * MINUTE + self.moment * SECOND

    @property
    def lists_words(self) -> bool:  # type: ignore[override]
        return not self.shuffled

    def entry(self, peer: Peer) -> Keys:  # noqa: ARG002 - each platform takes what it needs
        return {
            "actor": self.account.did,
            "base_url": self.at,
            "plc_url": self.server.directory.url,
            "pds_url": self.at,
        }

    def publish(self, words: str) -> str:
        self.count += 1
        self.moment += 1
        kind = self.count % 6
        if kind == 5:
            return self._repost(words)
        record = {
            "$type": POST,
            "text": words,
            "createdAt": written(self.time),
            "langs": ["en", "my"],
            **self.embed(kind),
        }
        if "hit" not in words and self.count % 7 == 3:
            record["createdAt"] = ("2099-01-01T00:00:00.000Z", "at high water", "")[self.count % 3]
        if "hit" not in words and self.view.by_index and self.count % 7 == 5:
            record["createdAt"] = "2015-03-02T08:00:00.000Z"
        key = self.account.create(record, key_at(self.time))
        self.records[key] = record
        return key

    def embed(self, kind: int) -> dict[str, Any]:
        """What a post has beside its words; what it quotes and answers lends it none."""
        theirs = self._theirs("Their words: hit and sunk")
        if kind == 1:
            return {"reply": {"root": theirs, "parent": theirs}}
        quoted = {"$type": "app.bsky.embed.record", "record": theirs}
        pictures = {"$type": "app.bsky.embed.images", "images": [{"alt": "A pier", "image": self.picture}]}
        together = {"$type": "app.bsky.embed.recordWithMedia", "record": quoted, "media": pictures}
        embeds = {2: quoted, 3: pictures, 4: together}
        return {"embed": embeds[kind]} if kind in embeds else {}

    def _theirs(self, words: str) -> dict[str, str]:
        made = self.neighbour.call(
            "com.atproto.repo.createRecord",
            repo=self.neighbour.did,
            collection=POST,
            record={"$type": POST, "text": words, "createdAt": written(self.time)},
        )
        return {"uri": made["uri"], "cid": made["cid"]}

    def _repost(self, words: str) -> str:
        record = {"$type": REPOST, "subject": self._theirs(words), "createdAt": written(self.time)}
        return f"repost-{self.account.create(record, key_at(self.time))}"

    def change(self, native_id: str, words: str) -> None:
        if not native_id.startswith("repost-"):  # whose words are not the account's own to change
            super().change(native_id, words)

    def edit(self, native_id: str, words: str) -> None:
        self.moment += 1
        self.records[native_id] = self.records[native_id] | {"text": words}
        self.account.put(self.records[native_id], native_id)

    def delete(self, native_id: str) -> None:
        kind = REPOST if native_id.startswith("repost-") else POST
        self.account.delete(native_id.removeprefix("repost-"), kind)

    def calm(self, *, contacted: bool) -> None:
        super().calm(contacted=contacted)
        self.shuffled, self.mood = False, "view away" if self.stays_away and contacted else ""
        if self.mood:  # its own server shows no reposts
            self.hidden |= {one for one in self.wordings if one.startswith("repost-")}

    def reply(self, path: str) -> Answer:
        view, home = "/xrpc/app.bsky.", "/xrpc/com.atproto."
        away = {"view away": (view,), "home away": (home,), "all away": (view, home)}
        if path.startswith(away.get(self.mood, ())):
            return Answer(b"<h1>Bad gateway</h1>", 502)
        return super().reply(path)

    def is_list(self, path: str) -> bool:
        return "getAuthorFeed" in path or "listRecords" in path

    def show(self, path: str) -> Answer:
        if "/xrpc/app.bsky." in path:
            if not (self.shuffled and self.served):
                self.view.catch_up()
            self.view.hidden = {one.removeprefix("repost-") for one in self.hidden}
            found = self.view.reply(path)
            self.served = self.served or ("getAuthorFeed" in path and b'"cursor"' not in found.body)
            return found
        if not path.startswith("/xrpc/com.atproto."):
            return refusal("MethodNotImplemented", "Method Not Implemented", 501)
        real = self.server.http.get(f"{self.server.url}{path.replace('limit=100', f'limit={_A_PAGE}')}")
        return Answer(real.content, real.status_code, dict(JSON))
