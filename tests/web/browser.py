"""A real browser on a served reading room: Debian's Chromium, driven by Playwright; left out where it is not installed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request

CHROMIUM = Path("/usr/bin/chromium")
WIDTHS = (320, 360, 640, 800, 1400)  # the first and the third are a window of 1,280 at 400 % and at 200 %
PAPER = 718  # what an A4 page has between margins of 1 cm, in CSS pixels
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--mute-audio",
)  # fmt: skip
_OVERFLOWING = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll("body *")].filter(
    (one) => one.getBoundingClientRect().right > wide + 1 && !one.closest(".scroll, dialog")
  ).map((one) => one.outerHTML.slice(0, 120)).slice(0, 5).concat("the page is wider than the window");
}"""


_ELEMENTS = """() => [...document.querySelectorAll("*")].map(
  (one) => [one.localName, ...[...one.attributes].map((each) => each.name).sort()].join(" ")
)"""


def missing() -> str | None:
    """Why no browser can be driven here, with the line that mends it; None where all is there."""
    if find_spec("playwright") is None or find_spec("axe_playwright_python") is None or not CHROMIUM.exists():
        return "Chromium or what drives it is missing; make setup-web brings it"
    return None


@contextmanager
def started() -> "Iterator[Browser]":
    """One browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Looking:
    """One window, and all that went wrong in it: errors in its console, scripts that broke, requests to elsewhere."""

    page: "Page"
    base: str
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self._note(said.type == "error", f"console: {said.text}"))
        self.page.on("pageerror", lambda broke: self._note(True, f"script: {broke}"))
        self.page.on("dialog", self._note_dialog)
        self.page.on("request", self._note_request)

    def _note(self, is_wrong: bool, words: str) -> None:
        if is_wrong and "the server responded with a status of 4" not in words:
            self.wrong.append(f"{self.page.url}: {words}")

    def _note_dialog(self, asked: "Dialog") -> None:
        self._note(True, f"dialog: {asked.message}")
        asked.dismiss()

    def _note_request(self, request: "Request") -> None:
        outside = not request.url.startswith((f"{self.base}/", "data:", "blob:"))
        self._note(outside, f"request to {request.url}")

    def open(self, address: str) -> int:
        """Go there, and wait for the page and what belongs to it; the status."""
        answer = self.page.goto(self.base + address, wait_until="load")
        assert answer is not None
        return answer.status

    def find_overflow(self) -> list[str]:
        """What makes the page wider than the window, at each width."""
        found: list[str] = []
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 800})
            found += [f"{width}: {one}" for one in self.page.evaluate(_OVERFLOWING)]
        return found

    def find_overflow_of_large_words(self) -> list[str]:
        """What makes the page wider than a window of 1,280 where a reader has words twice as large."""
        self.page.set_viewport_size({"width": 1280, "height": 800})
        self.page.evaluate("document.documentElement.style.fontSize = '200%'")
        found: list[str] = self.page.evaluate(_OVERFLOWING)
        self.page.evaluate("document.documentElement.style.fontSize = ''")
        return found

    def print(self) -> tuple[int, list[str]]:
        """How many pages of A4 it is on paper, and what is wider than these."""
        self.page.set_viewport_size({"width": PAPER, "height": 1000})
        self.page.emulate_media(media="print")
        wide: list[str] = self.page.evaluate(_OVERFLOWING)
        printed = self.page.pdf(format="A4", margin={"top": "1cm", "right": "1cm", "bottom": "1cm", "left": "1cm"})
        self.page.emulate_media(media="screen")
        return len(re.findall(rb"/Type\s*/Page\b", printed)), wide

    def list_elements(self) -> list[str]:
        """Every element of the document as it is now, with the names of its attributes."""
        found: list[str] = self.page.evaluate(_ELEMENTS)
        return found

    def find_barriers(self, rules: tuple[str, ...] = ()) -> list[str]:
        """What axe-core finds of level serious or critical, by all its rules or by these."""
        from axe_playwright_python.sync_playwright import Axe

        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = {"type": "rule", "values": list(rules)}
        found = Axe().run(self.page, options=options).response["violations"]
        return [
            f"{one['id']} ({one['impact']}): {node['html'][:200]} {node['failureSummary'][:200]}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"][:3]
        ]


@contextmanager
def looking(browser: "Browser", base: str, *, scripts: bool = True, **how: Any) -> Iterator[Looking]:
    """A window of a person of one's own, on a phone if nothing else is said."""
    how.setdefault("viewport", {"width": 360, "height": 800})
    context: BrowserContext = browser.new_context(java_script_enabled=scripts, timezone_id="Asia/Yangon", **how)
    context.set_default_timeout(60_000)
    try:
        yield Looking(context.new_page(), base)
    finally:
        context.close()
