"""What clerks approved becomes training data, what they did not does not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from fakes import FakeBox, fake_room
from test_cutting import by_word
from test_pipeline import opened, plan_and_file

from classifiers.boundary_stacks import read
from intake import pipeline, review
from intake.cli.training import boundary_examples, write_examples
from intake.db.core import Database
from intake.db.documents import documents_of
from intake.pipeline import Postroom
from intake.vocabulary import Document


def prepared(database: Database, root: Path, text: str, name: str = "scan.pdf") -> tuple[Postroom, tuple[Document, ...]]:
    room = fake_room(root, database, profile={"boundaries": "auto"}, boundary=by_word, box=FakeBox(media_type="application/pdf"))
    delivery = opened(room, text, name)
    with room.db.read() as conn:
        found = documents_of(conn, delivery)
    for document in found:
        pipeline.propose_document(room, document.id)
    with room.db.read() as conn:
        return room, documents_of(conn, delivery)


def approve(room: Postroom, document: Document, by: str = "kms") -> None:
    with room.db.transaction() as tx:
        review.approve(tx, document.id, document.revision, by, {"entry": "632.60"})


def test_only_what_a_clerk_approved_is_an_example(database: Database, tmp_path: Path) -> None:
    room, (first, second, third, secret) = prepared(
        database, tmp_path, "eins\fzwei\fp=0.99 drei\fp=0.99 vier\fp=0.99 vertraulich")
    plan_and_file(room)
    assert [*boundary_examples(room, "mittelau")] == []
    approve(room, first)
    approve(room, third, "rule:own_reference@1")
    approve(room, secret)
    (row,) = boundary_examples(room, "mittelau")
    assert [page["n"] for page in row["pages"]] == [1, 2] and row["file"] == "scan.pdf"
    assert "eins" in row["pages"][0]["text"] and row["pages"][0]["width_mm"] == 210.0
    approve(room, second)
    assert len([*boundary_examples(room, "mittelau")]) == 2


def test_corrected_cuts_are_exported_as_corrected(sqlite_database: Database, tmp_path: Path) -> None:
    room, (first, second) = prepared(sqlite_database, tmp_path, "eins\fp=0.6 zwei\fdrei")
    plan_and_file(room)
    with room.db.transaction() as tx:
        joined = review.join(tx, [(first.id, first.revision), (second.id, second.revision)], "kms")
    pipeline.propose_document(room, joined)
    with room.db.read() as conn:
        (whole,) = documents_of(conn, first.delivery)
    approve(room, whole)
    (row,) = boundary_examples(room, "mittelau")
    assert [page["n"] for page in row["pages"]] == [1, 2, 3]


def test_the_parts_of_a_mail_are_no_example(sqlite_database: Database, tmp_path: Path) -> None:
    room, (body, attached) = prepared(sqlite_database, tmp_path, "Guten Tag\n#part a.pdf\nS1\fS2")
    plan_and_file(room)
    approve(room, body)
    approve(room, attached)
    assert [*boundary_examples(room, "mittelau")] == []


def test_the_trainer_reads_what_is_written(sqlite_database: Database, tmp_path: Path) -> None:
    room, documents = prepared(sqlite_database, tmp_path, "eins\fp=0.99 zwei\fdrei")
    plan_and_file(room)
    for document in documents:
        approve(room, document)
    out = tmp_path / "out.jsonl.gz"
    assert write_examples(boundary_examples(room, "mittelau"), out) == 2
    first = out.read_bytes()
    assert out.stat().st_mode & 0o077 == 0, "the text of letters is for its owner alone"
    write_examples(boundary_examples(room, "mittelau"), out)
    assert out.read_bytes() == first
    assert [len(one.pages) for one in read(out)] == [1, 2]
    assert len(gzip.decompress(first).splitlines()) == 2 and json.loads(gzip.decompress(first).splitlines()[0])["hash"]
