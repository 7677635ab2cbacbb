"""A mailbox on loopback: Dovecot itself, as Debian ships it, with a certificate and a folder of the test's own."""

import getpass
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.certificates import Authority

PASSWORD = "open-sesame"
_CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {sockets}
state_dir = {home}/state
instance_name = {name}
log_path = {home}/log
default_internal_user = {user}
default_login_user = {stranger}
default_internal_group = {group}
mail_uid = {owner}
mail_gid = {owner}
first_valid_uid = 0
mail_location = maildir:{mail}
disable_plaintext_auth = yes
ssl = required
ssl_cert = <{home}/pem
ssl_key = <{home}/key
mail_max_userip_connections = 50
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={{plain}}{password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={mail}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


@dataclass
class ImapServer:
    """A running server. Letters are laid into its folder as a delivery agent does."""

    home: Path
    mail: Path
    owner: tuple[int, int]
    port: int
    authority: Authority
    process: subprocess.Popen[bytes] | None = None
    laid: int = 0
    folders: int = 0
    numbered: int = 0
    folder: str = "Town"

    def deliver(self, letter: bytes, folder: str | None = None) -> None:
        """A new letter in the folder."""
        self.laid += 1
        box = self.mail / f".{folder or self.folder}"
        for part in ("tmp", "new", "cur"):
            (box / part).mkdir(parents=True, exist_ok=True)
            os.chown(box / part, *self.owner)
        os.chown(box, *self.owner)
        name = f"{int(time.time())}.{self.laid:06}.town"
        (box / "tmp" / name).write_bytes(letter)
        os.chown(box / "tmp" / name, *self.owner)
        (box / "tmp" / name).rename(box / "new" / name)

    def turn_to_new_folder(self) -> None:
        """From now on everything is about a folder of its own."""
        self.folders += 1
        self.folder = f"Town {self.folders}"

    def renumber(self) -> None:
        """Give the letters of the folder a new numbering, as a server does whose index was lost."""
        self.numbered += 1
        validity = str(int(time.time()) + 1_000 * self.numbered)
        program = shutil.which("doveadm", path=f"{os.environ.get('PATH', '')}:/usr/bin") or "doveadm"
        update = ["mailbox", "update", "-u", "desk", "--uid-validity", validity, self.folder]
        subprocess.run([program, "-c", str(self.home / "dovecot.conf"), *update], check=True, capture_output=True)

    def flags(self) -> set[str]:
        """What the server has noted of its letters: the part of each file's name behind ":2,"."""
        return {path.name.partition(":2,")[2] for path in (self.mail / f".{self.folder}" / "cur").iterdir()}

    def keys(self) -> dict[str, object]:
        """Those of an entry in the config."""
        secret = self.home / "password"
        secret.touch(mode=0o600)
        secret.write_text(PASSWORD)
        return {
            "kind": "mail",
            "server": f"imaps://localhost:{self.port}",
            "user": "desk",
            "password_file": str(secret),
            "ca_file": str(self.authority.ca_file),
            "folder": self.folder,
        }


@contextmanager
def imap_server(home: Path, authority: Authority) -> Iterator[ImapServer]:
    """Dovecot over a folder; the test is skipped where it is not installed (apt install dovecot-imapd)."""
    program = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
    if program is None:
        pytest.skip("dovecot is not installed: apt install dovecot-imapd")
    authority.server("localhost")
    for part in ("pem", "key"):
        shutil.copy(authority.folder / part, home / part)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    user = getpass.getuser()
    group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
    root = os.getuid() == 0  # then neither strangers nor mail may be root's
    config = home / "dovecot.conf"
    with TemporaryDirectory() as place:
        Path(place).chmod(0o711)
        mail, owner = Path(place) / "mail", "dovecot" if root else user
        of = pwd.getpwnam(owner)
        server = ImapServer(home, mail, (of.pw_uid, of.pw_gid), port, authority)
        mail.mkdir()
        os.chown(mail, *server.owner)
        names = {
            "home": home,
            "sockets": f"{place}/run",
            "mail": mail,
            "port": port,
            "user": user,
            "owner": owner,
            "stranger": "dovenull" if root else user,
            "group": group,
            "password": PASSWORD,
            "name": f"t{os.getpid()}-{port}",
        }
        config.write_text(_CONFIG.format(**names))
        with subprocess.Popen([program, "-F", "-c", str(config)], stderr=subprocess.PIPE) as server.process:
            try:
                _await(server)
                yield server
            finally:
                server.process.terminate()


def _await(server: ImapServer) -> None:
    context = ssl.create_default_context(cafile=str(server.authority.ca_file))
    until = time.monotonic() + 60
    while True:
        try:
            with context.wrap_socket(
                socket.create_connection(("localhost", server.port), 5), server_hostname="localhost"
            ) as line:
                assert line.recv(4).startswith(b"* OK")
                return
        except (OSError, AssertionError):
            assert server.process is not None
            if server.process.poll() is not None or time.monotonic() > until:
                said = server.process.stderr.read().decode() if server.process.stderr else ""
                log = server.home / "log"
                raise AssertionError(said + (log.read_text() if log.exists() else "")) from None
            time.sleep(0.05)
