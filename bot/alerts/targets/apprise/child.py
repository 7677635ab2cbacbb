"""The child process that speaks Apprise: one message on stdin, one verdict on stdout; imports nothing else of ours."""

import json
import re
import sys

# What these show is Markdown, whatever it is called; the others take text as text, or escape it themselves.
_MARKDOWN = {"NotifyDiscord", "NotifyFluxer", "NotifyGuilded", "NotifyMattermost", "NotifyRevolt"}


def main() -> None:
    """Read {"url", "body", "link", "deadline", "file"} and write {"status", "service", "code"}; no word of the URL.

    Before that comes one line: it is written just before anything is sent.
    """
    asked = json.load(sys.stdin)
    json.dump(send(asked["url"], asked["body"], asked["deadline"], asked["file"], asked["link"]), sys.stdout)


def send(
    url: str, body: str | None, deadline: float, file: dict[str, str] | None = None, link: str | None = None
) -> dict[str, object]:
    """Hand one message to one service, without retries; `deadline` in seconds for each of two attempts.

    A `file` ("path", "name", "mime") is attached if the service accepts files; a message that is refused with the file
    is sent without it. Without a `body` the URL is only read. `link` is left whole where Markdown is escaped.
    """
    try:
        import apprise
    except ImportError:
        return {"status": "MISSING"}
    asset = apprise.AppriseAsset(
        async_mode=False,
        secure_logging=True,
        service_timeout=deadline,
        allow_templates=False,
        interpret_escapes=False,
        interpret_emojis=False,
    )
    services = apprise.Apprise(asset=asset)
    if not services.add(url) or len(services) != 1:
        return {"status": "UNREADABLE"}
    service = services[0]
    if body is None:
        return {"status": "SUCCESS", "service": str(service.service_name)}
    if type(service).__name__ in _MARKDOWN:
        body = link.join(map(escape_markdown, body.split(link))) if link else escape_markdown(body)
    print(flush=True)
    service.overflow_mode = apprise.OverflowMode.SPLIT  # what is too long for a service arrives as several messages
    result = None
    if file is not None and service.attachment_support:
        from apprise.attachment.file import AttachFile

        attached = AttachFile(file["path"], name=file["name"], mimetype=file["mime"])  # type: ignore[no-untyped-call]
        result = services.notify(body=body, body_format=apprise.NotifyFormat.TEXT, attach=attached)
    if result is None or result.status.name not in ("SUCCESS", "TIMEOUT"):
        result = services.notify(body=body, body_format=apprise.NotifyFormat.TEXT)
    code = None
    for entry in result.logs():
        found = re.search(r"error=([0-9]{3})\b", entry.message)
        code = int(found[1]) if found else code
    return {"status": result.status.name, "service": str(service.service_name), "code": code}


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is written: no emphasis, spoiler, heading, quote, list or emoji."""
    text = re.sub(r"([\\*_~|]|:(?=[\w+-]+:))", r"\\\1", text)
    text = re.sub(r"(?m)^(\s*)([#>+-])", r"\1\\\2", text)
    return re.sub(r"(?m)^(\s*[0-9]+)([.)])", r"\1\\\2", text)


if __name__ == "__main__":
    main()
