"""POST /api/v1/deliveries over a real server: durable before 201, exactly one delivery a key, every refusal in German."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import select

from intake.blobs import Blobs
from intake.cli import run
from intake.config import Home, load
from intake.db.core import Database
from intake.db.tokens import new_token, revoke_token, token_of, tokens_of
from intake.errors import Refused
from intake.schema import deliveries, tokens
from intake.web import handing_in
from intake.web.app import create

BRIEF = b"%PDF-1.7 ein Brief"


@dataclass
class Site:
    """A running server and what it keeps."""

    url: str
    port: int
    home: Home
    db: Database
    secret: str

    def send(self, body: Any = BRIEF, *, key: str | None = "1", secret: str | None = None, **headers: str) -> httpx.Response:
        sent = {"authorization": f"Bearer {self.secret if secret is None else secret}"} | headers
        if key is not None:
            sent["idempotency-key"] = key
        return httpx.post(f"{self.url}/api/v1/deliveries", content=body, headers=sent, timeout=60)

    def rows(self) -> list[Any]:
        with self.db.read() as conn:
            return list(conn.execute(select(deliveries).order_by(deliveries.c.id)).mappings())

    @property
    def blobs(self) -> Blobs:
        return Blobs(self.home.blobs("mittelau"))

    def nothing_unfinished(self) -> bool:
        return not list((self.blobs.root / "tmp").glob("*"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("web") / "home"
    assert run(["init", str(root)]) == 0
    home = load(root)
    database = Database(home.database_url)
    with database.transaction() as tx:
        _, secret = new_token(tx, "mittelau", "Scanner Bauamt", "scanner", "kms")
    server = uvicorn.Server(uvicorn.Config(create(home), port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Site(f"http://127.0.0.1:{port}", port, home, database, secret)
    server.should_exit = True
    thread.join(timeout=10)
    database.close()


@pytest.fixture
def site(running: Site) -> Site:
    with running.db.transaction() as tx:
        tx.connection.execute(deliveries.delete())
    return running


def test_a_document_is_durable_when_201_comes(site: Site) -> None:
    answer = site.send(**{"content-disposition": "attachment; filename*=UTF-8''Bauantrag%20M%C3%BCller.pdf"})
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert said["sha256"] == hashlib.sha256(BRIEF).hexdigest() and said["state"] == "RECEIVED" and said["twin_of"] is None
    (row,) = site.rows()
    assert (row["name"], row["channel"], row["source"]) == ("Bauantrag Müller.pdf", "upload", "scanner")
    assert row["id"] == said["id"] and answer.headers["location"].endswith(said["id"])
    assert site.blobs.check(said["sha256"]) and site.nothing_unfinished()


def test_the_same_key_gives_the_same_answer(site: Site) -> None:
    first, again = site.send(), site.send()
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() and len(site.rows()) == 1


def test_the_same_key_with_other_bytes(site: Site) -> None:
    site.send()
    answer = site.send(b"anderes")
    assert answer.status_code == 409 and answer.headers["content-type"] == "application/problem+json"
    assert "andere Datei" in answer.json()["title"] and len(site.rows()) == 1


def test_the_same_bytes_under_another_key(site: Site) -> None:
    first, twin = site.send(), site.send(key="2")
    assert twin.status_code == 201 and twin.json()["state"] == "TWIN" and twin.json()["twin_of"] == first.json()["id"]


def test_a_large_document_streams(site: Site) -> None:
    block, digest = os.urandom(1 << 20), hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            digest.update(block)
            yield block

    answer = site.send(pieces())
    assert answer.status_code == 201 and answer.json()["size"] == 40 << 20 and answer.json()["sha256"] == digest.hexdigest()


@pytest.mark.parametrize("headers, key, body, status, says", [
    ({}, None, BRIEF, 422, "Idempotency-Key"),
    ({}, "x" * 201, BRIEF, 422, "druckbare Zeichen"),
    ({"content-type": "multipart/form-data; boundary=x"}, "1", BRIEF, 415, "nicht als Formular"),
    ({"content-type": "application/x-www-form-urlencoded"}, "1", BRIEF, 415, "nicht als Formular"),
    ({"content-encoding": "gzip"}, "1", BRIEF, 415, "Content-Encoding"),
    ({}, "1", b"", 422, "keinen Rumpf"),
])
def test_refusals_say_what_to_do(site: Site, headers: dict[str, str], key: str | None, body: bytes, status: int,
                                 says: str) -> None:
    answer = site.send(body, key=key, **headers)
    assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["title"] and answer.json()["status"] == status
    assert not site.rows() and site.nothing_unfinished()


@pytest.mark.parametrize("secret", ["-", "falsch", "pst_" + "A" * 43])
def test_nobody_without_a_token(site: Site, secret: str) -> None:
    answer = site.send(secret=secret)
    assert answer.status_code == 401 and not site.rows() and site.nothing_unfinished()


def test_a_revoked_token_is_none(site: Site) -> None:
    with site.db.transaction() as tx:
        token, secret = new_token(tx, "mittelau", "Portal", "scanner", "kms")
    assert site.send(secret=secret).status_code == 201
    with site.db.transaction() as tx:
        revoke_token(tx, "mittelau", token.id[-8:])
        with pytest.raises(Refused):
            revoke_token(tx, "mittelau", token.id[-8:])
    assert site.send(secret=secret, key="2").status_code == 401
    assert len(site.rows()) == 1, "what came before stays"


def test_a_token_for_an_inbox_that_is_gone(site: Site) -> None:
    with site.db.transaction() as tx:
        _, secret = new_token(tx, "mittelau", "Alt", "keller", "kms")
    answer = site.send(secret=secret)
    assert answer.status_code == 403 and "keller" in answer.json()["title"]


def test_only_the_hash_of_a_secret_is_kept(site: Site) -> None:
    with site.db.read() as conn:
        rows = [dict(row) for row in conn.execute(select(tokens)).mappings()]
        assert token_of(conn, site.secret) is not None
        assert token_of(conn, site.secret[:-1]) is None
        assert tokens_of(conn, "nachbar") == ()
    assert site.secret not in str(rows)


def test_the_last_use_is_noted(site: Site) -> None:
    site.send()
    with site.db.read() as conn:
        token = token_of(conn, site.secret)
    assert token is not None and token.used_at


def test_too_large_is_refused_before_and_while_it_comes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    small = site.home.settings.model_copy(update={"box": site.home.settings.box.model_copy(update={"max_file_mib": 1})})
    monkeypatch.setattr(Home, "settings", property(lambda self: small), raising=False)
    announced = site.send(b"x" * (2 << 20))
    unannounced = site.send(iter([b"x" * 65_536] * 20))
    assert (announced.status_code, unannounced.status_code) == (413, 413)
    assert "1 MiB" in announced.json()["title"]
    assert not site.rows() and site.nothing_unfinished()


def test_no_room_on_the_disk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_in, "_free", lambda blobs: 1)
    answer = site.send()
    assert answer.status_code == 507 and answer.headers["retry-after"] and not site.rows()
    monkeypatch.undo()
    assert site.send().status_code == 201


def test_a_connection_that_breaks_leaves_nothing(site: Site) -> None:
    head = (f"POST /api/v1/deliveries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {site.secret}\r\nIdempotency-Key: 5\r\n"
            "Content-Length: 1000000\r\n\r\n").encode()
    for sent in (0, 1, 65_536, 999_999):
        with socket.create_connection(("127.0.0.1", site.port)) as client:
            client.sendall(head + b"x" * sent)
            time.sleep(0.05)
    deadline = time.monotonic() + 10
    while not site.nothing_unfinished() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert site.nothing_unfinished() and not site.rows()
    assert site.send(b"x" * 1_000_000, key="5").status_code == 201, "the same key may be used for the whole"


def test_ten_clients_each_key_from_two_of_them(site: Site) -> None:
    """Ten in parallel, every key sent by two clients and twice: exactly one delivery a key."""
    answers: list[int] = []

    def client(number: int) -> None:
        for repeat in range(2):
            for at in range(4):
                key = f"{number // 2}-{at}"
                answers.append(site.send(f"Brief {key}".encode(), key=key).status_code)
            del repeat

    threads = [threading.Thread(target=client, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 80 and set(answers) == {200, 201} and answers.count(201) == 20
    rows = site.rows()
    assert len(rows) == 20 and len({row["key"] for row in rows}) == 20
    assert all(site.blobs.check(row["original"]) for row in rows) and site.nothing_unfinished()


@pytest.mark.parametrize("disposition, name", [
    ("", "Einlieferung"), ("attachment", "Einlieferung"), ("attachment; filename=a.pdf", "a.pdf"),
    ('attachment; filename="../../etc/passwd"', "../../etc/passwd"), ("attachment; filename*=UTF-8''%E2%82%AC.pdf", "€.pdf"),
    ("attachment; filename*=UTF-8''a%0D%0Ab.pdf", "a b.pdf"), ("attachment; filename=" + "x" * 2000, "x" * 500)])
def test_names_are_only_shown(disposition: str, name: str) -> None:
    assert handing_in._name(disposition) == name


def test_what_is_not_there_is_a_problem_too(site: Site) -> None:
    for method, path, status in (("GET", "/nichts", 404), ("GET", "/api/v1/deliveries", 401), ("PUT", "/api/v1/deliveries", 405)):
        answer = httpx.request(method, site.url + path)
        assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_description_of_the_interface(site: Site) -> None:
    said = httpx.get(f"{site.url}/api/v1/openapi.json").json()
    assert set(said["paths"]["/api/v1/deliveries"]["post"]["responses"]) >= {"201", "200", "401", "409", "413", "415", "507"}


def test_handing_in_is_filed_like_a_scan(site: Site, tmp_path: Path) -> None:
    """What came by HTTP is RECEIVED like any other delivery: the state column is the queue."""
    site.send()
    assert [row["state"] for row in site.rows()] == ["RECEIVED"] and site.rows()[0]["acknowledged_at"]
