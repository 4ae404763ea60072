"""Handed in by name: the sender's key makes repeats harmless, other bytes under it are refused, the same bytes are a twin."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from intake.blobs import Blobs
from intake.config import Mailbox, ScanProfile
from intake.db.core import Database
from intake.db.receiving import is_acknowledged
from intake.errors import Refused
from intake.journal import check, entries
from intake.receive_upload import KeyUsed, take
from intake.vocabulary import Blob, DeliveryState

INBOX = ScanProfile(name="portal", access_class="Bauakten", lane="backfile")


@pytest.fixture
def letter(blobs: Blobs) -> Blob:
    return blobs.add_bytes(b"%PDF-1.7 ein Brief", "brief.pdf", "application/octet-stream")


def test_a_file_becomes_a_delivery_of_its_inbox(database: Database, letter: Blob) -> None:
    delivery, new = take(database, "mittelau", INBOX, letter, channel="upload", key="7")
    assert new and delivery.state is DeliveryState.RECEIVED
    assert (delivery.source, delivery.access_class) == ("portal", "Bauakten")
    assert (delivery.lane, delivery.channel) == ("backfile", "upload")
    with database.read() as conn:
        assert is_acknowledged(conn, delivery.id)
        assert check(conn, "mittelau") == []
        assert [entry.action for entry in entries(conn, "mittelau")] == ["delivery.received"]


def test_the_same_key_again_is_the_same_delivery(database: Database, letter: Blob) -> None:
    first, _ = take(database, "mittelau", INBOX, letter, channel="upload", key="7")
    again, new = take(database, "mittelau", INBOX, letter, channel="upload", key="7")
    assert again.id == first.id and not new


def test_the_same_key_with_other_bytes_is_refused(database: Database, letter: Blob, blobs: Blobs) -> None:
    take(database, "mittelau", INBOX, letter, channel="upload", key="7")
    other = blobs.add_bytes(b"anderes", "brief.pdf", "application/octet-stream")
    with pytest.raises(KeyUsed, match="andere Datei"):
        take(database, "mittelau", INBOX, other, channel="upload", key="7")


def test_the_same_bytes_under_another_key_are_a_twin(database: Database, letter: Blob) -> None:
    first, _ = take(database, "mittelau", INBOX, letter, channel="upload", key="7")
    twin, new = take(database, "mittelau", INBOX, letter, channel="upload", key="8")
    assert new and twin.state is DeliveryState.TWIN and twin.twin_of == first.id


def test_other_tenants_inboxes_and_channels_are_other_worlds(database: Database, letter: Blob) -> None:
    made = [take(database, tenant, inbox, letter, channel=channel, key="7") for tenant, inbox, channel in (
        ("mittelau", INBOX, "upload"), ("nachbar", INBOX, "upload"), ("mittelau", INBOX, "command"),
        ("mittelau", Mailbox(name="rathaus", host="h", user="u"), "upload"))]
    assert all(new for _, new in made) and len({delivery.id for delivery, _ in made}) == 4
    assert [delivery.state.value for delivery, _ in made] == ["RECEIVED", "RECEIVED", "RECEIVED", "TWIN"]


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb", "a\x00b"])
def test_a_key_that_is_none(database: Database, letter: Blob, key: str) -> None:
    with pytest.raises(Refused, match="druckbare Zeichen"):
        take(database, "mittelau", INBOX, letter, channel="upload", key=key)


def test_ten_at_once_with_one_key_make_one_delivery(database: Database, letter: Blob) -> None:
    made: list[tuple[str, bool]] = []

    def hand_in() -> None:
        delivery, new = take(database, "mittelau", INBOX, letter, channel="upload", key="gleich")
        made.append((delivery.id, new))

    threads = [threading.Thread(target=hand_in) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({identity for identity, _ in made}) == 1 and sum(new for _, new in made) == 1


def test_names_stay_names(database: Database, blobs: Blobs, tmp_path: Path) -> None:
    hostile = blobs.add_bytes(b"x", "../../etc/passwd\u202e", "application/octet-stream")
    delivery, _ = take(database, "mittelau", INBOX, hostile, channel="upload", key="7")
    assert delivery.original.name == "../../etc/passwd\u202e"
    assert [path for path in tmp_path.rglob("passwd*")] == []
