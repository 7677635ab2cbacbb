"""Certificates that a test makes for itself, with the openssl program."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass
class Authority:
    """A certificate authority of the test's own, known to nobody."""

    folder: Path

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def server(self, name: str, *, days: int = 2, signed: bool = True) -> ssl.SSLContext:
        """A server's TLS side whose certificate is for `name`, runs out in `days`, and is `signed` by this authority."""
        key, request, certificate, names = (self.folder / one for one in ("key", "csr", "pem", "names"))
        names.write_text(f"subjectAltName={'IP' if name[0].isdigit() else 'DNS'}:{name}")
        signer = ["-CA", str(self.ca_file), "-CAkey", str(self.folder / "ca.key"), "-CAcreateserial"]
        signer = signer if signed else ["-signkey", str(key)]
        self.openssl("req", *new_key(key), "-out", request, "-subj", f"/CN={name}")
        self.openssl(
            "x509", "-req", "-in", request, *signer, "-days", str(days), "-extfile", names, "-out", certificate
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def openssl(self, *arguments: str | Path) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def new_key(path: Path) -> Sequence[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(path)]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


def make_authority(folder: Path) -> Authority:
    """An authority with a folder of its own."""
    if not shutil.which("openssl"):
        pytest.skip("making certificates needs the openssl program")
    made = Authority(folder)
    made.openssl(
        "req",
        "-x509",
        *new_key(made.folder / "ca.key"),
        "-out",
        made.ca_file,
        "-subj",
        "/CN=A test's own",
        "-days",
        "2",
    )
    return made
