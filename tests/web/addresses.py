"""Every page of the reading room on a seeded archive, by name: what is checked of one page is checked of all."""

from collections.abc import Mapping
from urllib.parse import quote

from tests.web.archive import Seeded


def list_pages(seeded: Seeded) -> Mapping[str, str]:
    """The address of each page, and of some states of it."""
    posts, files, alerts = seeded.posts, seeded.files, seeded.alerts
    return {
        "now": "/",
        "search": "/search?q=command",
        "search all": "/search",
        "search none": "/search?q=nowhere",
        "rule of a search": "/search/rule?q=command&source=hill-rangers&replay=1",
        "search mistake": "/search?q=lashio+OR+(",
        **{f"post {name}": f"/post/{number}" for name, number in seeded.posts.items() if "usual" not in name},
        "nothing": "/no-such-page",
        "search in Burmese": f"/search?q={put('တိုင်းစစ်ဌာနချုပ်')}",
        "event": f"/event/{posts['claim']}",
        "event in Burmese": f"/event/{posts['burmese']}",
        "source": "/source/state-spokesman",
        "source that is blind": "/source/north-relief",
        "source with another title": "/source/hill-rangers",
        "coverage": "/coverage",
        "coverage of a week": "/coverage?days=7",
        "rules": "/rules",
        "rule": "/rules/regional-command",
        "rule replayed": "/rules/regional-command?replay=30",
        "alerts": "/alerts",
        "alerts that wait": "/alerts?state=pending",
        "alert": f"/alerts/{alerts['deleted later']}",
        "alert that was given up": f"/alerts/{alerts['dead']}",
        "files": "/files",
        "pictures": "/files?kind=photo&state=stored",
        "picture": f"/files/{files['picture']}",
        "recording": f"/files/{files['recording']}",
        "document": f"/files/{files['document']}",
        "export": "/export?q=command&source=hill-rangers",
        "compare": "/compare",
        "compare sides": "/compare?q=command&a=side:junta&b=side:resistance",
        "compare sources": "/compare?a=source:border-daily&b=source:hill-rangers",
        "compare mistake": "/compare?q=(command&a=side:junta&b=side:press",
        "help": "/help",
    }


def list_hostile_pages(seeded: Seeded) -> Mapping[str, str]:
    """The same for an archive in which strangers chose every word."""
    names = [source.name for source in seeded.config.sources]
    return {
        "now": "/",
        "search": "/search?q=marker",
        "everything": "/search",
        "coverage": "/coverage",
        "rules": "/rules",
        "alerts": "/alerts",
        "files": "/files",
        "export": f"/export?q=marker&source={put(names[0])}",
        "help": "/help",
        "compare": f"/compare?a={put('source:' + names[0])}&b={put('source:' + names[1])}",
        **{f"event {number}": f"/event/{seeded.posts[f'post {number}']}" for number in range(0, len(seeded.posts), 5)},
        **{f"post {number}": f"/post/{seeded.posts[f'post {number}']}" for number in range(0, len(seeded.posts), 7)},
        "rule of a search": f"/search/rule?q=marker&source={put(names[0])}&replay=1",
        **{f"source {number}": f"/source/{put(name)}" for number, name in enumerate(names)},
        **{f"rule {number}": f"/rules/{put(name)}?replay=7" for number, name in enumerate(names)},
        **{f"alert {number}": f"/alerts/{alert}" for number, alert in enumerate(sorted(set(seeded.alerts.values())))},
        **{f"file {number}": f"/files/{seeded.files[f'file {number}']}" for number in range(0, len(seeded.files), 5)},
    }


def list_browsed(seeded: Seeded) -> list[str]:
    """Some of these, for a browser, which takes longer."""
    posts, name = list(seeded.posts.values()), seeded.config.sources[0].name
    return [
        "/search",
        "/search?q=marker",
        "/coverage",
        "/rules",
        "/alerts",
        "/files",
        f"/source/{put(name)}",
        f"/rules/{put(name)}?replay=7",
        *(f"/post/{post}" for post in posts[::12]),
        *(f"/event/{post}" for post in posts[::28]),
        f"/alerts/{min(seeded.alerts.values())}",
        f"/files/{seeded.files['file 0']}",
    ]


def put(words: str) -> str:
    """Words as a part of an address."""
    return quote(words, safe="")
