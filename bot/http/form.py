"""PURE: a form with one file in it, as a web server reads it (RFC 7578)."""

import secrets
from collections.abc import Mapping


def form(fields: Mapping[str, str], field: str, name: str, mime: str, data: bytes) -> tuple[bytes, str]:
    """Write the body and its content type. `name` and `mime` are ours, of plain ASCII."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="{field}"; filename="{name}"\r\n'
        f"content-type: {mime}\r\n\r\n"
    )
    body = b"".join(
        (
            "".join(parts).encode("utf-8", "replace"),
            head.encode("ascii"),
            data,
            f"\r\n--{boundary}--\r\n".encode("ascii"),
        )
    )
    return body, f"multipart/form-data; boundary={boundary}"
