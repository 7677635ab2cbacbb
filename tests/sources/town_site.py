"""A small site without a feed: a list of statements, a page for each, and one page whose text changes."""

from dataclasses import dataclass, field

from tests.sources.loopback_server import Answer

HTML = {"Content-Type": "text/html; charset=utf-8"}
_HEAD = (
    '<header><nav><a href="/">Front page of the town</a><a href="/about">About the administration</a>'
    '<a href="/contact">How to reach our office</a><a href="/map">Map of the whole district</a></nav></header>'
)
_FOOT = (
    '<footer><a href="/privacy">Privacy and cookies of this site</a><a href="/imprint">Who is responsible</a></footer>'
)


@dataclass
class TownSite:
    """Give it to a peer as `peer.reply = site.reply`; `asked` holds the paths of all requests."""

    statements: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # path -> title, time, paragraphs
    shown: int = 12  # statements that the list shows
    pinned: str = ""  # the path of the one that is always on top
    dated: bool = True  # whether the list says when each was published
    banner: str = ""  # markup above the list
    page: str = "<p>The ferry sails at eight.</p>"
    robots: Answer = field(default_factory=lambda: Answer(b"", 404))
    answers: dict[str, Answer] = field(default_factory=dict)  # by path: instead of the usual answer
    asked: list[str] = field(default_factory=list)

    def publish(self, title: str, words: str = "", time: str = "") -> str:
        """Publish a statement; returns its path."""
        number = len(self.statements) + 1
        path = f"/statements/{number}"
        text = words or f"<p>{'The office explains this at some length here. ' * 4}</p>"
        self.statements[path] = (title, time or f"2026-11-{min(number, 21):02}T08:00:00Z", text)
        return path

    def reply(self, path: str) -> Answer:
        """What the site answers to a GET."""
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/robots.txt":
            return self.robots
        if path == "/statements":
            return self._html(f"{self.banner}<h1>Statements</h1><ul class='all'>{''.join(self._rows())}</ul>")
        if path == "/sailings":
            return self._html(
                f"<main><h1>Sailings</h1><p class='clock'>It is 10:30:{len(self.asked):02}</p>{self.page}</main>"
            )
        if path.partition("?")[0] in self.statements:
            title, time, words = self.statements[path.partition("?")[0]]
            meta = f'<meta property="article:published_time" content="{time}">'
            return self._html(f"<article><h1>{title}</h1><div class='body'>{words}</div></article>", meta, title)
        return Answer(b"<h1>Not found</h1>", 404, HTML)

    def _rows(self) -> list[str]:
        newest = list(self.statements.items())[::-1]
        newest = sorted(newest, key=lambda one: one[0] != self.pinned)[: self.shown]
        return [
            f'<li class="row">{self._when(time)}<h2><a href="{path}?utm_source=list">{title}</a></h2></li>'
            for path, (title, time, _) in newest
        ]

    def _when(self, time: str) -> str:
        return f'<span class="date"><time datetime="{time}">{time[:10]}</time></span>' if self.dated else ""

    def _html(self, body: str, head: str = "", title: str = "Town of Ferries") -> Answer:
        page = f"<!DOCTYPE html><html><head><title>{title}</title>{head}</head><body>{_HEAD}{body}{_FOOT}</body></html>"
        return Answer(page.encode(), 200, dict(HTML))
