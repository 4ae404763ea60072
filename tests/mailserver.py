"""A real mail server for tests: Dovecot on a spare loopback port, its mail in a temporary folder, gone with the test run."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from imapclient import IMAPClient  # type: ignore[import-untyped]

PASSWORD = "nur-für-Prüfungen 1"
USERS = ("post", "lesen")
"""`lesen` may not change its mailbox."""
SHUT = "Gesperrt"
"""A folder that takes no message: the server answers NO, as it does for one that is full."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where it listens, and the certificate that a client must trust."""

    port: int
    ca_file: Path
    folder: Path
    plain_port: int

    def client(self, user: str) -> IMAPClient:
        """A second client, as Outlook would be one."""
        import ssl

        client = IMAPClient("localhost", self.port, ssl_context=ssl.create_default_context(cafile=str(self.ca_file)))
        client.plain_login(user, PASSWORD)
        return client

    def empty(self, user: str) -> None:
        """All messages and folders of a user away."""
        with self.client(user) as client:
            for _, _, name in client.list_folders():
                if name == "INBOX":
                    client.select_folder(name)
                    if uids := client.search("ALL"):
                        client.delete_messages(uids)
                        client.expunge()
                else:
                    client.delete_folder(name)

    def put(self, user: str, *messages: bytes, folder: str = "INBOX") -> None:
        """Messages as if they had just come."""
        with self.client(user) as client:
            for message in messages:
                client.append(folder, message)

    def lying(self, user: str, folder: str = "INBOX") -> dict[int, tuple[bytes, ...]]:
        """UIDs and flags of what lies in a folder."""
        with self.client(user) as client:
            if not client.folder_exists(folder):
                return {}
            client.select_folder(folder, readonly=True)
            uids = client.search("ALL")
            return {uid: item[b"FLAGS"] for uid, item in client.fetch(uids, ["FLAGS"]).items()} if uids else {}


def message(subject: str, text: str = "Guten Tag", size: int = 0) -> bytes:
    """A small message; `size` bytes of attachment."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Erika Musterfrau <erika@example.org>", "post@mittelau.example", subject
    made["Message-ID"] = f"<{abs(hash((subject, text)))}@example.org>"
    made.set_content(text)
    if size:
        made.add_attachment(os.urandom(size // 2).hex().encode(), maintype="text", subtype="plain", filename="Anlage.txt")
    return made.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dovecot(folder: Path, **settings: str) -> Iterator[MailServer]:
    """A running Dovecot with the users of `USERS`; `settings` overrule its configuration."""
    folder.chmod(0o755)
    mail = folder / "mail"
    mail.mkdir()
    who = "nobody" if os.geteuid() == 0 else getpass.getuser()
    entry = pwd.getpwnam(who)
    if os.geteuid() == 0:
        shutil.chown(mail, who, entry.pw_gid)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    (folder / "users").write_text("".join(_user(name, mail, entry) for name in USERS))
    (folder / "acls").mkdir()
    (folder / "acls" / ".DEFAULT").write_text("owner lrwstipekxa\n")
    (folder / "acls" / SHUT).write_text("owner lrxk\n")
    (folder / "acls" / "INBOX").write_text("owner lrwstipekxa\nuser=lesen lr\n")
    port, plain = free_port(), free_port()
    (folder / "dovecot.conf").write_text(_configuration(folder, mail, port, plain, who, entry, settings))
    with (folder / "out.log").open("wb") as log:
        server = subprocess.Popen([shutil.which("dovecot") or "/usr/sbin/dovecot", "-F", "-c", folder / "dovecot.conf"],
                                  stdout=log, stderr=log)
    try:
        _wait(server, port, folder)
        yield MailServer(port, folder / "cert.pem", folder, plain)
    finally:
        server.terminate()
        server.wait(timeout=20)


def installed() -> bool:
    return shutil.which("dovecot") is not None or Path("/usr/sbin/dovecot").exists()


def _user(name: str, mail: Path, entry: pwd.struct_passwd) -> str:
    return f"{name}:{{PLAIN}}{PASSWORD}:{entry.pw_uid}:{entry.pw_gid}::{mail / name}::\n"


def _configuration(folder: Path, mail: Path, port: int, plain: int, who: str, entry: pwd.struct_passwd,
                   settings: Mapping[str, str]) -> str:
    import grp

    root = os.geteuid() == 0
    group = grp.getgrgid(entry.pw_gid).gr_name
    users = "" if root else f"""
default_internal_user = {who}
default_internal_group = {group}
default_login_user = {who}
service anvil {{\n  chroot =\n}}
service imap-login {{\n  chroot =\n}}
"""
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    return f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_uid = {entry.pw_uid}
mail_gid = {entry.pw_gid}
mail_fsync = never
mail_max_userip_connections = 100
auth_failure_delay = 0
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
passdb {{\n  driver = passwd-file\n  args = scheme=PLAIN username_format=%u {folder}/users\n}}
userdb {{\n  driver = passwd-file\n  args = username_format=%u {folder}/users\n}}
namespace inbox {{\n  inbox = yes\n}}
mail_plugins = acl
protocol imap {{\n  mail_plugins = acl imap_acl\n}}
plugin {{\n  acl = vfile:{folder}/acls\n}}
service imap-login {{
  inet_listener imap {{\n    port = {plain}\n  }}
  inet_listener imaps {{\n    port = {port}\n    ssl = yes\n  }}
}}
service stats {{\n  unix_listener stats-writer {{\n    mode = 0666\n  }}\n}}
{users}{lines}"""


def _wait(server: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.05)
    logs = "".join(path.read_text(errors="replace") for path in (folder / "out.log", folder / "dovecot.log") if path.exists())
    raise RuntimeError(f"Dovecot did not start:\n{logs}")
