"""PURE: a form with one file in it, as a web server reads it (RFC 7578)."""

from collections.abc import Mapping
from hashlib import sha256


def multipart(fields: Mapping[str, str], field: str, name: str, mime: str, data: bytes) -> tuple[bytes, str]:
    """Write the body and its content type. `name` and `mime` are ours, of plain ASCII."""
    # Nothing inside can contain the boundary, not even on purpose: it would have to hold its own hash.
    boundary = sha256(repr(fields).encode("utf-8", "replace") + data).hexdigest()
    parts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="{field}"; filename="{name}"\r\n'
        f"content-type: {mime}\r\n\r\n"
    )
    body = "".join((*parts, head)).encode("utf-8", "replace") + data + f"\r\n--{boundary}--\r\n".encode("ascii")
    return body, f"multipart/form-data; boundary={boundary}"
