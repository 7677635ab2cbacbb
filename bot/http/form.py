"""PURE: a form with files in it, as a web server reads it (RFC 7578)."""

from collections.abc import Mapping
from hashlib import sha256

from storage.frozen import dataclass


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file of a form. `field`, `name` and `mime` are ours, of plain ASCII."""

    field: str
    name: str
    mime: str
    data: bytes


def multipart(fields: Mapping[str, str], *files: FilePart) -> tuple[bytes, str]:
    """Write the body and its content type."""
    # Nothing inside can contain the boundary, not even on purpose: it would have to hold its own hash.
    hashed = sha256(repr(fields).encode("utf-8", "replace"))
    for file in files:
        hashed.update(file.data)
    boundary = hashed.hexdigest()
    parts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode("utf-8", "replace")
        for key, value in fields.items()
    ]
    for file in files:
        head = (
            f'--{boundary}\r\ncontent-disposition: form-data; name="{file.field}"; filename="{file.name}"\r\n'
            f"content-type: {file.mime}\r\n\r\n"
        )
        parts += [head.encode("utf-8", "replace"), file.data, b"\r\n"]
    body = b"".join([*parts, f"--{boundary}--\r\n".encode("ascii")])
    return body, f"multipart/form-data; boundary={boundary}"
