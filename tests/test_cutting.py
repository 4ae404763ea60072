"""From pages to documents in the pipeline: the scan profile decides, every cut is kept with its reason, doubts reach a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeBox, by_text, fake_room
from test_pipeline import opened

from intake import pipeline, review
from intake.db.core import Database
from intake.db.cuts import cut_of, cuts_of
from intake.db.documents import conservation_faults, documents_of, get_document, proposals_of
from intake.db.lists import list_documents
from intake.extract.sheet import Sheets
from intake.pipeline import Postroom
from intake.propose import Knowledge
from intake.sheetcode import SheetCode, encode
from intake.vocabulary import AktenplanEntry, Document, DocumentState, File, Page, Stack, Start, Viewer

ENTRY = AktenplanEntry("ap-1", "632.60", "Bauvorhaben")
FILE = File("F1", "BA/632.60-0017/2026", "Neubau", "ap-1")
KNOWN = Knowledge({"ap-1": ENTRY}, {FILE.reference: FILE}, (by_text, Sheets((ENTRY,))))


def by_word(pages: Sequence[Page]) -> Stack:
    """A boundary that finds `p=0.93` on a page: the probability that a document begins there."""
    found = [next((float(word.text[2:]) for word in page.words if word.text.startswith("p=")), 0.001) for page in pages]
    firsts = tuple(place for place, one in enumerate(found) if place == 0 or one > 0.5)
    return Stack(tuple(Start(one, ("neuer Briefkopf",)) for one in found), firsts, 0.7, "model:boundary@7")


def made(database: Database, root: Path, **profile: Any) -> Postroom:
    return fake_room(root, database, profile=profile, boundary=by_word, knowledge=KNOWN,
                     box=FakeBox(media_type="application/pdf"))


def cut_up(room: Postroom, text: str, name: str = "scan.pdf") -> list[Document]:
    delivery = opened(room, text, name)
    with room.db.read() as conn:
        assert conservation_faults(conn, delivery) == []
        return list(documents_of(conn, delivery))


def numbers(documents: Sequence[Document]) -> list[list[int]]:
    return [[ref.number for ref in document.pages] for document in documents]


def test_without_boundaries_no_model_is_asked(sqlite_database: Database, tmp_path: Path) -> None:
    room = made(sqlite_database, tmp_path, boundaries="off")
    assert numbers(cut_up(room, "eins\fp=0.99 zwei\fdrei")) == [[1, 2, 3]]


def test_learned_cuts_are_kept_with_probability_and_evidence(database: Database, tmp_path: Path) -> None:
    room = made(database, tmp_path, boundaries="auto")
    documents = cut_up(room, "eins\fzwei\fp=0.99 drei\fp=0.87 vier\f#blank\fp=0.62 sechs")
    assert numbers(documents) == [[1, 2], [3], [4], [6]]
    with room.db.read() as conn:
        cuts = [cuts_of(conn, [document.id])[document.id] for document in documents]
    assert [one.by for one in cuts] == ["rule:one-file@1", *["model:boundary@7"] * 3]
    assert [one.doubtful for one in cuts] == [False, False, True, True]
    assert cuts[3].evidence == ("neuer Briefkopf",) and "unsicher (vor Seite 6), 0,62: neuer Briefkopf" in cuts[3].marks[0]
    assert cuts[1].marks and "nicht ganz sicher (vor Seite 4), 0,87" in cuts[1].marks[0]


def test_a_doubtful_cut_waits_for_a_person_and_says_so(sqlite_database: Database, tmp_path: Path) -> None:
    room = made(sqlite_database, tmp_path, boundaries="auto")
    sure, doubtful, _ = cut_up(room, "eins\fp=0.99 zwei\fp=0.62 drei")
    for document in (sure, doubtful):
        pipeline.propose_document(room, document.id)
    with room.db.read() as conn:
        lines = {line.id: line for line in list_documents(conn, Viewer("mittelau"), (DocumentState.PROPOSED,))}
    assert "geschnitten" not in lines[sure.id].why
    assert "richtig geschnitten" in lines[doubtful.id].why and "0,62: neuer Briefkopf" in lines[doubtful.id].why
    assert lines[doubtful.id].cut.doubtful and not lines[sure.id].cut.doubtful


def test_asking_makes_every_learned_cut_wait(sqlite_database: Database, tmp_path: Path) -> None:
    documents = cut_up(made(sqlite_database, tmp_path, boundaries="ask"), "eins\fp=0.999 zwei")
    with sqlite_database.read() as conn:
        assert all(cut_of(conn, document.id).doubtful for document in documents)


def test_thresholds_are_the_profiles(sqlite_database: Database, tmp_path: Path) -> None:
    documents = cut_up(made(sqlite_database, tmp_path, boundaries="auto", cut_ask=0.5, cut_auto=0.6), "eins\fp=0.62 zwei")
    with sqlite_database.read() as conn:
        assert not any(cut_of(conn, document.id).marks for document in documents)


def test_a_fixed_number_of_pages(sqlite_database: Database, tmp_path: Path) -> None:
    room = made(sqlite_database, tmp_path, pages_per_document=2, boundaries="auto")
    assert numbers(cut_up(room, "1\f2\fp=0.99\f4\f5")) == [[1, 2], [3, 4], [5]]


def test_one_file_one_document(sqlite_database: Database, tmp_path: Path) -> None:
    room = made(sqlite_database, tmp_path, separators="ignore", boundaries="off")
    assert numbers(cut_up(room, "1\f#separator\fp=0.99")) == [[1, 2, 3]]


def test_what_hangs_on_a_mail_stays_whole_unless_the_door_says_split(sqlite_database: Database, tmp_path: Path) -> None:
    mail = "Guten Tag\fp=0.99\n#part a.pdf\nS1\fS2"
    room = made(sqlite_database, tmp_path / "a", boundaries="auto")
    assert numbers(cut_up(room, mail)) == [[1, 2], [1, 2]]
    room = made(sqlite_database, tmp_path / "b", boundaries="auto", attachments="split")
    assert numbers(cut_up(room, mail + " anders", "zwei.pdf")) == [[1], [2], [1, 2]]


def test_what_a_leitbeleg_says_is_proposed_for_all_behind_it(sqlite_database: Database, tmp_path: Path) -> None:
    sheet = encode(SheetCode("1", "file", "mittelau", "", FILE.reference, "Antrag"))
    room = made(sqlite_database, tmp_path, boundaries="auto")
    documents = cut_up(room, f"null\f#sheet {sheet}\feins\fp=0.99 zwei\f#separator\fdrei")
    assert numbers(documents) == [[1], [3], [4], [6]]
    for document in documents:
        pipeline.propose_document(room, document.id)
    with room.db.read() as conn:
        found = [{one.field: one for one in reversed(proposals_of(conn, document.id))} for document in documents]
    assert "file" not in found[0]
    for proposals in found[1:]:
        assert proposals["file"].value == "F1" and proposals["kind"].value == "Antrag"
        assert "Seite 2" in proposals["file"].evidence[0].text


def test_the_sheet_of_another_tenant_does_not_cut_silently(sqlite_database: Database, tmp_path: Path) -> None:
    sheet = encode(SheetCode("1", "file", "auenbek", "", FILE.reference))
    (document,) = cut_up(made(sqlite_database, tmp_path), f"eins\f#sheet {sheet}\fzwei")
    with sqlite_database.read() as conn:
        cut = cut_of(conn, document.id)
    assert numbers([document]) == [[1, 2, 3]] and cut.doubtful and "anderen Mandanten" in cut.marks[0]
    assert cut.says == ()


def test_a_clerks_cut_is_sure_and_keeps_the_word_of_the_sheet(database: Database, tmp_path: Path) -> None:
    sheet = encode(SheetCode("1", "file", "mittelau", "", FILE.reference))
    room = made(database, tmp_path, boundaries="auto")
    first, second = cut_up(room, f"#sheet {sheet}\feins\fzwei\fp=0.62 drei")
    with room.db.transaction() as tx:
        assert cut_of(tx.connection, first.id).doubtful
        one, other = review.cut(tx, first.id, first.revision, "kms", [2])
        joined = review.join(tx, [(other, 1), (second.id, second.revision)], "kms")
        for id in (one, other, joined):
            cut = cut_of(tx.connection, id)
            assert cut.by == "clerk:kms" and not cut.doubtful and cut.probability == 1.0
            assert [said.value for said in cut.says] == [FILE.reference]
    pipeline.propose_document(room, joined)
    with room.db.read() as conn:
        assert any(one.field == "file" and one.value == "F1" for one in proposals_of(conn, joined))
        assert get_document(conn, joined).state is DocumentState.PROPOSED


@pytest.mark.parametrize("wrong", [{"cut_ask": 0.9, "cut_auto": 0.8}, {"pages_per_document": -1}, {"boundaries": "maybe"}])
def test_nonsense_in_a_profile_is_refused(sqlite_database: Database, tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        made(sqlite_database, tmp_path, **wrong)
