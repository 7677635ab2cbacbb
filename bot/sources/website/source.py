"""Sites without a feed: a list of statements each with a page of its own, or one page whose text changes."""

import asyncio
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

from bot.clock import DAY, MINUTE, SECOND
from bot.contracts.living import LivingPosts
from bot.contracts.source import Recognised, SourceSettings, SourceTools, Want
from bot.contracts.walls import REFUSALS, behind_wall, says_plainly
from bot.errors import Later, Never
from bot.foreign.addresses import name_on_site, name_page, without_marks, without_session
from bot.foreign.times import read_usable_time
from bot.http import Reply, check_busy
from bot.http.masking import mask_address
from bot.sources.website.child import read_in_child
from bot.sources.website.reading import PageAnswer, PageItem, PageRequest
from bot.sources.website.robots import MOST, Robots
from bot.sources.website.settings import Settings, check_address
from bot.sources.website.visit import SHORT, Visit, reaches_back
from storage.records import Batch, Checked, FetchedMedia, FetchedPost, Link, Quarantined, Raw, StoredRaw
from storage.state_names import FLICKERS, NOT_FOUND, REFUSED, UNREADABLE

READER = 2  # see bot.contracts.source.Rereader
_CAP = 8 << 20
_DEADLINE = 30.0
_PAGES = 10  # of items that one fetch asks for
_KNOWN = 1_000
_TRIES = 5  # of an item whose page fails, before it is put aside
_LINKS_OF_WALL = 6  # privacy, terms, a new account …
_STEADY = 3  # visits after which a text is believed to stay
_ROBOTS_LAST = DAY
_BY_PAGE = "page"
_AGENT = "communique"  # by which a robots.txt may call us
_CONTENT = "text/html"


class Website:
    """One list or one page. Whatever is not the page that was asked for is a state, never "nothing new"."""

    pages = False
    reader_number = READER

    def __init__(self, settings: Settings, tools: SourceTools) -> None:
        self.settings = settings
        self.checks = settings.mode == "list"
        self._http = tools.http
        self._clock = tools.clock
        self._readers = tools.readers
        self._living = LivingPosts(tools.clock)
        self._mark = _short(repr((settings.url, settings.mode, settings.item, settings.link, settings.keep)))
        self._ignored = [re.compile(one, re.MULTILINE) for one in settings.ignore]
        self._robots: dict[str, tuple[Robots, int]] = {}

    async def fetch(self, _want: Want, cursor: str | None) -> Batch:
        """The list with the pages of its new items, oldest first, or the page if its text has changed."""
        note = Visit.read(cursor, self._mark)
        reply = await self._get(self.settings.url, note)
        if reply.status == HTTPStatus.NOT_MODIFIED:
            return Batch(cursor=cursor)
        note = replace(
            note,
            etag=reply.headers.get("etag", "")[:500],
            modified=reply.headers.get("last-modified", "")[:100],
            full_at=self._clock.now(),
        )
        read = self._list if self.settings.mode == "list" else self._page
        return replace(await read(reply, note), fetch=reply.recorded(self.settings.kind))

    async def check(self, native_id: str) -> Checked:
        """Look at the page of one item. An absence has its control: another item, seen just before in the same way."""
        post, reply = await self._living.look(native_id, self._one, lambda found: found[0] is None)
        fetch = reply.recorded(_BY_PAGE)
        if post is None:
            return Checked(native_id, "absent", _BY_PAGE, control=self._living.vouch, fetch=fetch)
        return Checked(native_id, "present", _BY_PAGE, post=post, control=True, fetch=fetch)

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What this reader makes of stored pages."""
        found: list[FetchedPost | None] = []
        for one in stored:
            url = self.settings.url if self.settings.mode == "page" else one.native_id
            try:
                post = self._post(url, one.raw, await self._read(one.raw.data, one.raw.mime, url))
            except Later as problem:
                if problem.state != UNREADABLE and "busy" in problem.reason:
                    raise
                post = None
            found.append(replace(post, native_id=one.native_id) if post is not None else None)
        return found

    # A list -----------------------------------------------------------------------------------------------------------

    async def _list(self, reply: Reply, note: Visit) -> Batch:
        answer = await self._ask(reply.body, _type(reply), reply.url, "list")
        items = answer.get("items", [])
        if (wall := answer.get("wall")) and _is_of_wall(items, note):
            raise behind_wall(mask_address(reply.url), wall)
        if not items:
            what = "finds no links that repeat" if self.settings.item == "auto" else "matches nothing"
            raise Later(f"`item` = {self.settings.item!r} {what} at {self._where}", state=UNREADABLE)
        known = set(note.known)
        are_known = [_short(name_page(item["url"])) in known for item in items]
        overlap = not known or reaches_back(are_known, [self._time(item["time"]) for item in items])
        wanted = items if known else items[: self._first_count(items)]
        fresh = [item for item in wanted if _short(name_page(item["url"])) not in known]
        now_known = [_short(name_page(item["url"])) for item in items if item not in fresh]
        at_the_end = items[len(items) - are_known[::-1].index(True) :] if any(are_known) else []
        posts: list[FetchedPost] = []
        old: list[str] = []
        aside: list[Quarantined] = []
        tries = dict(note.tries)
        for item in fresh[::-1][:_PAGES]:
            mark = _short(name_page(item["url"]))
            try:
                found, page = await self._one(item["url"], item)
            except Later as problem:
                if problem.obey:
                    raise
                tries[mark] = tries.get(mark, 0) + 1
                if tries[mark] < _TRIES:
                    continue
                found, page = None, None
                aside.append(Quarantined(Raw(json.dumps(item).encode(), "application/json"), str(problem), item["url"]))
            if found is not None:
                posts.append(found)
                if item in at_the_end and found.posted_at and found.posted_at < note.since - DAY:
                    old.append(found.native_id)  # it shows again because one above it is gone
            elif page is not None:
                gone = f"it is listed, and its page answered {page.status}"
                aside.append(Quarantined(Raw(json.dumps(item).encode(), "application/json"), gone, item["url"]))
            tries.pop(mark, None)
            now_known.append(mark)
        overlap = overlap or await self._has_moved_up(items, posts, note)
        marks = [*(one for one in note.known if one not in now_known), *now_known][-_KNOWN:]
        left = len(fresh) > _PAGES
        now = self._clock.now()
        since = note.since if known else now
        after = replace(
            note,
            known=tuple(marks),
            tries=tries,
            since=since,
            newest=max([note.newest, *(min(post.posted_at or 0, now) for post in posts)]),
            shown=tuple(item["url"] for item in items) if len(items) <= SHORT else (),
        )
        if left or tries:
            after = replace(
                after, etag="", modified=""
            )  # what is left is looked for again, though the list is the same
        self._living.note_page(
            [post.native_id for post in posts] or [item["url"] for item in items[::-1] if item not in fresh]
        )
        return Batch(
            posts=tuple(sorted(posts, key=lambda post: post.posted_at or self._clock.now())),
            history=frozenset(old),
            quarantined=tuple(aside),
            overlap=overlap,
            cursor=after.write(),
            more=left,
        )

    async def _has_moved_up(self, items: Sequence[PageItem], posts: Sequence[FetchedPost], note: Visit) -> bool:
        """Whether older items show at the end of a list because others are gone, so that nothing in between is missed.

        Either the page of the last one says so by its time, or those of all that left a short list are gone.
        """
        last = next((post.posted_at for post in posts if _is_of(post, items[-1])), None)
        if last is not None and last < note.newest:
            return True
        listed = {name_page(item["url"]) for item in items}
        gone = [url for url in note.shown if name_page(url) not in listed]
        fresh = len(listed) - sum(_short(page) in note.known for page in listed)
        return len(gone) >= fresh > 0 and await self._are_gone(gone)

    async def _are_gone(self, urls: Sequence[str]) -> bool:
        for url in urls:
            try:
                reply = await self._get(url)
            except Later as problem:
                if problem.obey:
                    raise
                return False
            if reply.ok:
                return False
        return True

    def _first_count(self, items: Sequence[PageItem]) -> int:
        """How many of the items, which lists show newest first, `backfill` wants at first contact."""
        amount = self.settings.backfill
        if isinstance(amount, int):
            return min(amount, len(items))
        if amount == "all":
            return len(items)
        since = int(datetime.combine(date.fromisoformat(amount), time(), UTC).timestamp()) * SECOND
        times = [self._time(item["time"]) for item in items]
        return next((place for place, at in enumerate(times) if at is not None and at < since), len(items))

    async def _one(self, url: str, item: PageItem | None = None) -> tuple[FetchedPost | None, Reply]:
        """The post of an item's page, or None where there is no such page."""
        reply = await self._get(url)
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return None, reply
        raw = Raw(reply.body, _type(reply))
        post = self._post(url, raw, await self._read(raw.data, raw.mime, reply.url), item)
        self._living.note_alive()
        return post, reply

    def _post(self, url: str, raw: Raw, answer: PageAnswer, item: PageItem | None = None) -> FetchedPost:
        written = (item["time"] if item else "") or answer.get("time", "")
        title = answer.get("title", "") or (item["title"] if item else "")
        text = self._without_ignored(answer.get("text", ""))
        return FetchedPost(
            native_id=self._identity(url, answer.get("canonical", "")),
            raw=raw,
            text=text.removeprefix(f"{title}\n").lstrip() if title else text,
            title=title or None,
            url=without_marks(url),
            posted_at=self._time(written),
            posted_raw=written,
            links=tuple(Link(words, address) for words, address in answer.get("links", [])),
            quoted=answer.get("quoted", ""),
            media=tuple(FetchedMedia("photo", without_session(one), url=one) for one in answer.get("images", [])),
        )

    def _identity(self, url: str, canonical: str) -> str:
        """The address that the page itself names, where that is of this site and no front page; else its own."""
        same_site = urlsplit(canonical).hostname == urlsplit(url).hostname
        if same_site and name_on_site(canonical) and name_page(canonical) != name_page(self.settings.url):
            url = canonical
        parts = urlsplit(without_session(url))
        query = "&".join(pair for pair in parts.query.split("&") if not pair.startswith(("utm_", "fbclid=", "gclid=")))
        return urlunsplit(parts._replace(query=query, fragment=""))[:500]

    # One page ---------------------------------------------------------------------------------------------------------

    async def _page(self, reply: Reply, note: Visit) -> Batch:
        raw = Raw(reply.body, _type(reply))
        answer = await self._read(raw.data, raw.mime, reply.url)
        post = replace(self._post(self.settings.url, raw, answer), native_id=self.settings.url)
        if not post.text:
            what = f"`keep` = {self.settings.keep!r} matches no words" if self.settings.keep else "there are no words"
            raise Later(f"{what} at {self._where}", state=UNREADABLE)
        mark = _short(f"{post.title}\n{post.text}")
        visits = min(note.visits + 1, _STEADY) if note.seen == mark else 1
        note, is_last = replace(note, seen=mark, visits=visits), note.texts[-1:] == (mark,)
        if mark in note.texts and visits < _STEADY and (note.flickers or not is_last):
            raise Later(
                f"{self._where} alternates between two texts, both stored; `keep` and `ignore` leave out what changes",
                state=FLICKERS,
                retry_at=self._clock.now() + 5 * MINUTE,
                cursor=replace(note, flickers=True, etag="", modified="").write(),
            )
        note = replace(note, flickers=False)
        if is_last:
            return Batch(cursor=note.write())
        texts = (*(one for one in note.texts if one != mark), mark)[-2:]
        return Batch(posts=(post,), cursor=replace(note, texts=texts).write(), title=post.title)

    def _without_ignored(self, text: str) -> str:
        for pattern in self._ignored:
            text = pattern.sub("", text)
        return re.sub(r"\n{3,}", "\n\n", text).strip()

    # What an answer must be -------------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return mask_address(self.settings.url)

    async def _get(self, url: str, note: Visit | None = None) -> Reply:
        """The page, or 304, 404 and 410. Raises Later and Never for every other answer, and what robots.txt forbids."""
        own = url == self.settings.url
        if self.settings.robots:
            await self._obey_robots(url, own=own)
        headers = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"}
        if note is not None and 0 <= self._clock.now() - note.full_at < DAY:
            headers |= {"if-none-match": note.etag} if note.etag else {}
            headers |= {"if-modified-since": note.modified} if note.modified else {}
        reply = await self._http.get(
            url, cap=_CAP, deadline=_DEADLINE, headers=headers, foreign=not self._is_of_site(url)
        )
        if reply.status == HTTPStatus.NOT_MODIFIED and note is not None and (note.etag or note.modified):
            return reply
        if reply.status >= 400 and not says_plainly(reply) and (wall := await self._wall(reply)):
            raise behind_wall(self._where, wall, reply.status)
        busy = check_busy(reply, self._clock.now())
        if busy is not None:
            raise busy
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE) and not own:
            return reply
        if reply.status == HTTPStatus.GONE:
            raise Never(f"{self._where} says that the page is gone (410)", remedy="remove it or give its new address")
        if reply.status == HTTPStatus.NOT_FOUND:
            raise Later(f"{self._where} is not there (404)", state=NOT_FOUND)
        if (state := REFUSALS.get(reply.status)) is not None:
            raise Later(f"{self._where} refuses to show it ({reply.status})", state=state)
        if reply.status != HTTPStatus.OK:
            raise Later(f"{self._where} answered {reply.status}")
        if not reply.body.strip():
            raise Later(f"{self._where} answers with an empty page", state=UNREADABLE)
        return reply

    def _is_of_site(self, url: str) -> bool:
        own, other = urlsplit(self.settings.url), urlsplit(url)
        return (own.hostname, own.port) == (other.hostname, other.port)

    async def _wall(self, reply: Reply) -> str | None:
        try:
            answer = await self._ask(reply.body, _type(reply), reply.url, "wall")
        except (Later, Never):
            return None
        return answer.get("wall")

    async def _read(self, body: bytes, kind: str, url: str, want: str = "") -> PageAnswer:
        answer = await self._ask(body, kind, url, want or ("item" if self.settings.mode == "list" else "page"))
        if wall := answer.get("wall"):
            raise behind_wall(mask_address(url), wall)
        return answer

    async def _ask(self, body: bytes, kind: str, url: str, want: str) -> PageAnswer:
        chosen = self.settings
        order = PageRequest(
            want=want,
            url=url,
            type=kind,
            item="" if chosen.item == "auto" else chosen.item,
            link=chosen.link,
            title=chosen.title,
            time=chosen.time,
            body="" if chosen.body == "auto" else chosen.body,
            keep=chosen.keep,
        )
        return await read_in_child(body, order, self._readers)

    async def _obey_robots(self, url: str, *, own: bool) -> None:
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        known = self._robots.get(site)
        if known is None or not 0 <= self._clock.now() - known[1] < _ROBOTS_LAST:
            known = (await self._robots_of(site, foreign=not self._is_of_site(url)), self._clock.now())
            self._robots[site] = known
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not known[0].allows(path):
            sentence = f"{site}/robots.txt forbids programs to fetch {parts.path or '/'}"
            if own:
                raise Never(sentence, remedy="ask the site, or set robots = false if you may")
            raise Later(sentence, state=REFUSED)

    async def _robots_of(self, site: str, *, foreign: bool) -> Robots:
        """RFC 9309: no such file allows everything; a server that fails forbids everything for now."""
        reply = await self._http.get(f"{site}/robots.txt", cap=2 * MOST, deadline=_DEADLINE, foreign=foreign)
        busy = check_busy(reply, self._clock.now())
        if busy is not None and not says_plainly(reply) and (wall := await self._wall(reply)):
            raise behind_wall(site, wall, reply.status)
        if busy is not None:
            raise busy
        if not reply.ok:
            return Robots()
        text = await asyncio.to_thread(lambda: reply.body[:MOST].decode("utf-8", "replace"))
        return Robots.read(text, _AGENT)

    def _time(self, written: str) -> int | None:
        return read_usable_time(written, self._clock.now())


def recognise(address: str) -> Recognised | None:
    """Any web address may be that of a list; other kinds are tried first."""
    try:
        return Recognised({"url": check_address(address.strip())}, 3)
    except ValueError:
        return None


def build(settings: SourceSettings, tools: SourceTools) -> Website:
    """The working source."""
    assert isinstance(settings, Settings)
    return Website(settings, tools)


def _is_of(post: FetchedPost, item: PageItem) -> bool:
    return name_page(post.url or "") == name_page(item["url"])


def _is_of_wall(items: Sequence[PageItem], note: Visit) -> bool:
    """Whether the links of a page that may be a wall are its own: few, without a time, and none that is known."""
    if len(items) > _LINKS_OF_WALL or any(item["time"] for item in items):
        return False
    return not any(_short(name_page(item["url"])) in note.known for item in items)


def _type(reply: Reply) -> str:
    return reply.headers.get("content-type", "")[:200] or _CONTENT


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
