"""YouTube in one value: a channel's feed, its page, and the pages of its videos, in the shapes that they have today."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.sources.loopback_server import NOW, Answer

CHANNEL = "UCferry_office-of_the-to"
SECOND = 1_000_000


def written(at: int) -> str:
    """A time as the feed writes it."""
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat(timespec="seconds")


@dataclass
class YouTubeServer:
    """One channel. Give it to a peer as `peer.reply = server.reply`; `asked` holds the paths of all requests."""

    videos: list[dict[str, Any]] = field(default_factory=list)  # oldest first
    gone: dict[str, str] = field(default_factory=dict)  # id -> what the page says
    asked: list[str] = field(default_factory=list)
    picture: str = "AIdro_first"
    answers: dict[str, Answer] = field(default_factory=dict)  # by a part of a path: instead of the usual answer

    def publish(self, title: str, description: str = "", **more: Any) -> str:
        """Publish a video; returns its id. `short` and `state` (isLive, isUpcoming, isLiveContent) say what it is."""
        number = len(self.videos) + len(self.gone) + 1
        video = f"vid-{number:07d}"
        at = NOW - (1000 - number) * 60 * SECOND
        self.videos.append({"id": video, "title": title, "description": description, "at": at, **more})
        return video

    def edit(self, video: str, **fields: str) -> None:
        """Change title or description."""
        next(one for one in self.videos if one["id"] == video).update(fields)

    def remove(self, video: str, said: str = "This video has been removed by the uploader") -> None:
        """Take a video away; its page says why."""
        self.videos = [one for one in self.videos if one["id"] != video]
        self.gone[video] = said

    def reply(self, path: str) -> Answer:
        """What the server answers to a GET."""
        self.asked.append(path)
        for part, answer in self.answers.items():
            if part in path:
                return answer
        parts = urlsplit(path)
        given = {key: values[0] for key, values in parse_qs(parts.query).items()}
        match parts.path.strip("/").split("/"):
            case ["feeds", "videos.xml"] if given.get("channel_id") == CHANNEL:
                return Answer(self.feed().encode(), 200, {"Content-Type": "text/xml; charset=UTF-8"})
            case ["watch"]:
                return _page("ytInitialPlayerResponse", self._player(given.get("v", "")))
            case ["@ferry_office"]:
                return _page("ytInitialData", {}, self._head())
            case ["channel", named, "videos"] if named == CHANNEL:
                tiles = [
                    {"richItemRenderer": {"content": _tile(one, place)}} for place, one in enumerate(self.videos[::-1])
                ]
                return _page("ytInitialData", {"contents": {"tabs": [{"contents": tiles[:30]}]}}, self._head())
        return Answer(b"<h1>404</h1>", 404, {"Content-Type": "text/html"})

    def _head(self) -> str:
        return (
            f'<link rel="canonical" href="https://www.youtube.com/channel/{CHANNEL}">'
            '<meta property="og:title" content="Ferry Office">'
            f'<meta property="og:image" content="https://yt3.googleusercontent.com/{self.picture}=s900-c-k-no-rj">'
        )

    def feed(self) -> str:
        entries = "".join(_entry(one) for one in self.videos[::-1][:15])
        return (
            '<?xml version="1.0" encoding="UTF-8"?><feed xmlns:yt="http://www.youtube.com/xml/schemas/2015"'
            ' xmlns:media="http://search.yahoo.com/mrss/" xmlns="http://www.w3.org/2005/Atom">'
            f"<id>yt:channel:{CHANNEL[2:]}</id><yt:channelId>{CHANNEL}</yt:channelId><title>Ferry Office</title>"
            f"<author><name>Ferry Office</name></author>{entries}</feed>"
        )

    def _player(self, video: str) -> dict[str, Any]:
        found = next((one for one in self.videos if one["id"] == video), None)
        if found is None:
            return {"playabilityStatus": {"status": "ERROR", "reason": self.gone.get(video, "Video unavailable")}}
        details = {
            "videoId": video,
            "title": found["title"],
            "shortDescription": found["description"],
            "channelId": CHANNEL,
            "author": "Ferry Office",
            "viewCount": str(len(self.asked)),
        }
        if "state" in found:
            details[found["state"]] = True
        about = {"playerMicroformatRenderer": {"publishDate": written(found["at"])}}
        return {"playabilityStatus": {"status": "OK"}, "videoDetails": details, "microformat": about}


def _entry(one: dict[str, Any]) -> str:
    title, words = escape(one["title"]), escape(one["description"])
    link = f"https://www.youtube.com/{'shorts/' if one.get('short') else 'watch?v='}{one['id']}"
    return (
        f"<entry><id>yt:video:{one['id']}</id><yt:videoId>{one['id']}</yt:videoId><title>{title}</title>"
        f'<link rel="alternate" href="{link}"/><author><name>Ferry Office</name></author>'
        f"<published>{written(one['at'])}</published><updated>{written(NOW)}</updated>"
        f"<media:group><media:title>{title}</media:title><media:description>{words}</media:description>"
        f'<media:community><media:statistics views="{one["at"] % 97}"/></media:community></media:group></entry>'
    )


def _tile(one: dict[str, Any], place: int) -> dict[str, Any]:
    """Two of the shapes in which a page lists a video."""
    if place % 2:
        return {"lockupViewModel": {"contentId": one["id"], "contentType": "LOCKUP_CONTENT_TYPE_VIDEO"}}
    return {"videoRenderer": {"videoId": one["id"], "title": {"runs": [{"text": one["title"]}]}}}


def _page(name: str, data: dict[str, Any], head: str = "") -> Answer:
    script = f"<script>var {name} = {json.dumps(data)};var other = 1;</script>"
    return Answer(f"<!DOCTYPE html><html><head>{head}</head><body>{script}</body></html>".encode(), 200)
