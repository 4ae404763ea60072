"""Rescans: pages replaced, inserted and set aside; every page stays accounted for, also after kills."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_help import plan
from sqlalchemy import true
from test_backfile import BY, LETTER, deliver, found, new, room, take_all  # noqa: F401  (the fixture)
from test_backfile_quality import CHECKER, drawn, filed

from intake import akten, pipeline, postroom, review
from intake.backfile import people, quality, releasing, rescans
from intake.backfile.rescans import Told, Wish, code, decoded, told_by
from intake.db import batches as lose
from intake.db import checks
from intake.db import differences as abweichungen
from intake.db import rescans as rows
from intake.db.batches import Batch
from intake.db.core import utcnow
from intake.db.deliveries import get_delivery
from intake.db.documents import conservation_faults, documents_of, get_document, ledger, proposals_of
from intake.db.filings import filing_of_document
from intake.db.problems import open_problems
from intake.db.work import waiting
from intake.errors import InputError, Refused, Stale
from intake.journal import check as chain
from intake.journal import entries
from intake.pipeline import Postroom
from intake.receive import Door, receive_all
from intake.schema import qa_draws
from intake.settle import settle
from intake.verify import verify
from intake.vocabulary import Blob, Document, DocumentState, Fact, PageState, Part, Viewer

THREE = "\f".join(f"{LETTER.format(number)}" for number in (111, 222, 333))
GOOD = "Bauantrag in besserem Scan mit gut lesbarem Text {0} aus dem Ordner der Gemeinde Auenbek am Mühlenweg"


def one_file(room: Postroom, tmp_path: Path, text: str = THREE, name: str = "A_1__akte") -> Batch:  # noqa: F811
    batch = new(room, deliver(tmp_path / "disk", **{name: text}))
    with room.db.transaction() as tx:
        plan(tx)
    take_all(room)
    return batch


def target(room: Postroom, batch: Batch, at: int = 0) -> Document:  # noqa: F811
    with room.db.read() as conn:
        return documents_of(conn, lose.items_of(conn, batch.id)[at].delivery or "")[0]


def slip(batch: Batch, document: Document, page: int, how: str = "ersetzt") -> str:
    ref = document.pages[max(0, page - 1)]
    return f"#sheet {code(Wish(batch.id, document.id, page, (ref.part, ref.number), how))}\nNachscan"  # type: ignore[arg-type]


def drop(room: Postroom, **texts: str) -> Path:  # noqa: F811
    """Files in the folder of rescans, finished long ago."""
    folder = room.home.rescans(room.home.settings.tenant[0].backfile[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = folder / (name.replace("__", ".") if "__" in name else f"{name}.txt")
        path.write_text(text, encoding="utf-8")
        old = time.time() - 600
        os.utime(path, (old, old))
    return folder


def door(room: Postroom) -> Door:  # noqa: F811
    made = next(one for one in postroom.doors(room.home) if isinstance(one, Door) and one.profile.name == "bauakten")
    made.source.settle_seconds = 0.0  # type: ignore[attr-defined]
    return made


def work(room: Postroom) -> list[str]:  # noqa: F811
    """Take what lies in the folder and open it as the engine does; what became of each delivery."""
    here = door(room)
    receive_all(room.db, room.blobs("mittelau"), here.tenant, here.profile, here.source)
    said = []
    with room.db.read() as conn:
        picks = waiting(conn, "delivery", lane="backfile", limit=50, now=utcnow())
    for delivery, _, _ in picks:
        try:
            for chunk in pipeline.plan_reading(room, delivery):
                pipeline.read_chunk(room, delivery, chunk)
            pipeline.assemble(room, delivery)
            said.append("opened")
        except InputError as error:
            said.append(settle(room.db, room.home.settings.engine, "delivery", delivery, "open", error))
    return said


def texts(room: Postroom, document: str) -> list[str]:  # noqa: F811
    with room.db.read() as conn:
        return [page.text for page in pipeline.pages_of_document(room, get_document(conn, document))]


def sound(room: Postroom, batch: Batch) -> None:  # noqa: F811
    """The ledger is zero-sum, verify finds nothing, the chain is whole."""
    with room.db.read() as conn:
        balance = lose.page_balance(conn, batch)
        assert balance["read"] == sum(number for name, number in balance.items() if name != "read")
        assert chain(conn, "mittelau") == []
    report = verify(room.db, ["mittelau"], room.blobs, room.home.akten)
    assert [fault for fault in report.faults if fault.kind not in ("mirror", "receipt")] == []


# ---- what a slip, a name and a row say ---------------------------------------------------------------------------------


@given(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26), st.integers(0, 99_999), st.integers(0, 9_999),
       st.integers(1, 99_999), st.sampled_from(["ersetzt", "fehlt"]))
def test_a_slip_says_what_was_printed(id: str, page: int, part: int, number: int, how: str) -> None:
    wish = Wish(id, id[::-1], page, (part, number), how)  # type: ignore[arg-type]
    assert decoded(code(wish)) == wish
    assert decoded(code(wish) + "x") is None and decoded(code(wish)[:-1]) is None


@pytest.mark.parametrize(("name", "said"), [
    ("A_1_akte_S12.tif", Told("A_1_akte", 12, "ersetzt")), ("akte_s3+.pdf", Told("akte", 3, "fehlt")),
    ("akte_S0+.pdf", Told("akte", 0, "fehlt")), ("akte.pdf", None), ("S12.tif", None), ("akte_S.tif", None)])
def test_what_a_name_says(name: str, said: Told | None) -> None:
    assert told_by(Part("d", 0, None, Blob("0" * 64, "image/tiff", name, 1), 1)) == said


@pytest.mark.parametrize(("row", "said"), [
    ({"Datei": "A_1/akte.pdf", "Seite": "7", "Art": ""}, Told("A_1/akte.pdf", 7, "ersetzt")),
    ({"Datei": "akte", "Seite": "7+"}, Told("akte", 7, "fehlt")), ({"Datei": "akte", "Seite": "7", "Art": "einfügen"},
                                                                   Told("akte", 7, "fehlt")),
    ({"Datei": "akte"}, Told("name", 1, "ersetzt")), ({"Datei": "akte", "Seite": "x"}, Told("name", 1, "ersetzt"))])
def test_a_row_of_the_list_goes_before_the_name(row: dict[str, str], said: Told) -> None:
    facts = tuple(Fact("sidecar", value, f"sidecar:nachscan.csv {name}") for name, value in row.items())
    assert told_by(Part("d", 0, None, Blob("0" * 64, "image/tiff", "name_S1.tif", 1), 1, facts=facts)) == said


# ---- replaced, inserted, set aside -------------------------------------------------------------------------------------


def test_a_slip_replaces_its_page_and_the_old_one_stays(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = one_file(room, tmp_path)
    document = target(room, batch)
    folder = drop(room, scan=f"{slip(batch, document, 2)}\f{GOOD.format(2)}\f#blank")
    assert work(room) == ["opened"]
    assert texts(room, document.id) == [LETTER.format(111), GOOD.format(2), LETTER.format(333)]
    with room.db.read() as conn:
        states = {(ref.part, ref.number): ref.state for ref, _, _ in ledger(conn, document.delivery)}
        assert states == {(0, 1): PageState.LIVE, (0, 2): PageState.REPLACED, (0, 3): PageState.LIVE, (1, 1): PageState.ASIDE,
                          (1, 2): PageState.LIVE, (1, 3): PageState.ASIDE}
        assert lose.numbers(conn, batch).pages == 3, "slip and back are no pages of the paper"
        (one,) = rows.rescans_of(conn, batch.id)
        assert (one.kind, one.path, one.page, one.part, one.number, one.new_part, one.new_number) == (
            "replaced", "A_1/akte.txt", 2, 0, 2, 1, 2)
        assert get_document(conn, document.id).state is DocumentState.NEW
        assert {"rescan.used", "rescan.replaced"} <= {entry.action for entry in entries(conn, "mittelau")}
    assert [path.name for path in folder.rglob("*.txt")] == ["scan.txt"] and (folder / "erledigt" / "scan.txt").exists()
    sound(room, batch)


def test_several_slips_in_one_file_and_a_second_rescan_of_the_same_page(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = one_file(room, tmp_path)
    document = target(room, batch)
    drop(room, eins=f"{slip(batch, document, 1, 'fehlt')}\f{GOOD.format('neu')}\f{slip(batch, document, 3)}\f{GOOD.format(3)}")
    assert work(room) == ["opened"]
    drop(room, zwei=f"{slip(batch, document, 3)}\f{GOOD.format('drei besser')}")  # printed when page 3 was still the third
    assert work(room) == ["opened"]
    assert texts(room, document.id) == [LETTER.format(111), GOOD.format("neu"), LETTER.format(222), GOOD.format("drei besser")]
    with room.db.read() as conn:
        assert lose.page_balance(conn, batch) == {"read": 9, "live": 4, "replaced": 2, "aside": 3, "blank": 0, "separator": 0,
                                                  "double": 0}
    sound(room, batch)


def test_a_missing_page_told_by_the_name_settles_the_count(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    folder = deliver(tmp_path / "disk", A_1__akte=THREE, A_2__akte=LETTER.format(5))
    index = tmp_path / "i.csv"
    index.write_text("Datei;Seiten\nA_1/akte.txt;4\nA_2/akte.txt;1\n", encoding="utf-8")
    batch = new(room, folder, index=index)
    take_all(room)
    assert found(room, batch) == {"pages": ["A_1/akte.txt"]}
    drop(room, **{"akte_S3+": GOOD.format(4)})
    assert work(room) == ["clarify"], "two files are called so"
    with room.db.read() as conn:
        (problem,) = open_problems(conn, "mittelau")
    assert problem.reason == "unmatched" and "2 Dateien" in problem.title and "A_1_akte_S12.tif" in problem.title
    drop(room, **{"A_1_akte_S3+": GOOD.format(4)})
    assert work(room) == ["opened"], "the same bytes under a better name"
    drop(room, **{"A_1_akte_S2+": GOOD.format(4)})
    assert work(room) == [], "once used up, the same bytes are a Dublette"
    assert len(target(room, batch).pages) == 4 and found(room, batch) == {}
    sound(room, batch)


def test_in_front_of_all_and_by_a_list_beside_it(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = one_file(room, tmp_path)
    drop(room, **{"A_1_akte_S0+": GOOD.format("vorn")})
    assert work(room) == ["opened"]
    assert texts(room, target(room, batch).id)[:2] == [GOOD.format("vorn"), LETTER.format(111)]
    here = door(room)
    drop(room, neu=GOOD.format("x"), nachscan__csv="Nachscan;Datei;Seite;Art\nneu.txt;A_1/akte.txt;1;\n")
    item = next(here.source.poll())
    assert [one.name for one in item.members] == ["neu.txt", "nachscan.csv"], "taken together, so that the row travels with it"


@pytest.mark.parametrize("made", ["garbage", "other batch", "no name", "too many", "too far", "only a slip"])
def test_what_cannot_be_matched_waits_and_nothing_changes(room: Postroom, tmp_path: Path, made: str) -> None:  # noqa: F811
    batch = one_file(room, tmp_path)
    document = target(room, batch)
    lost = Wish("0" * 26, document.id, 1, (0, 1), "ersetzt")
    name, text = {
        "garbage": ("x", f"#sheet {rescans.PREFIX}was/ist/das\nx\f{GOOD}"),
        "other batch": ("x", f"#sheet {code(lost)}\nx\f{GOOD}"),
        "no name": ("x", GOOD), "too many": ("x", f"{slip(batch, document, 1)}\f{GOOD}\f{GOOD} b"),
        "too far": ("A_1_akte_S9", GOOD),
        "only a slip": ("x", slip(batch, document, 1))}[made]
    drop(room, **{name: text})
    assert work(room) == ["clarify"]
    assert texts(room, document.id) == [LETTER.format(number) for number in (111, 222, 333)]
    with room.db.read() as conn:
        (problem,) = open_problems(conn, "mittelau")
        assert problem.title.endswith(".") and len(problem.title) > 60
        delivery = get_delivery(conn, problem.subject)
        assert room.blobs("mittelau").read(delivery.original.sha256).decode() == text, "kept byte for byte"
        assert rows.rescans_of(conn, batch.id) == ()
    sound(room, batch)


@pytest.mark.parametrize("made", ["garbage", "other batch", "too many", "only a slip", "no such document"])
def test_what_can_be_told_goes_in_and_the_rest_waits(room: Postroom, tmp_path: Path, made: str) -> None:  # noqa: F811
    """One slip that fits nothing does not hold the others of its file; tried again, only it is tried."""
    batch = one_file(room, tmp_path)
    document = target(room, batch)
    other, none = Wish("0" * 26, document.id, 2, (0, 2), "ersetzt"), Wish(batch.id, "2" * 26, 1, (0, 1), "fehlt")
    lost = {"garbage": f"#sheet {rescans.PREFIX}was/ist/das\nx\f{GOOD}", "other batch": f"#sheet {code(other)}\nx\f{GOOD}",
            "too many": f"{slip(batch, document, 2)}\f{GOOD}\f{GOOD} b", "only a slip": slip(batch, document, 2),
            "no such document": f"#sheet {code(none)}\nx\f{GOOD}"}[made]
    drop(room, x=f"{slip(batch, document, 1)}\f{GOOD.format(1)}\f{lost}\f{slip(batch, document, 3)}\f{GOOD.format(3)}")
    assert work(room) == ["clarify"]
    wanted = [GOOD.format(1), LETTER.format(222), GOOD.format(3)]
    assert texts(room, document.id) == wanted
    for _ in range(2):
        with room.db.transaction() as tx:
            (problem,) = open_problems(tx.connection, "mittelau")
            assert problem.title.endswith("2 andere Seiten sind schon eingefügt.")
            review.resolve(tx, problem.id, BY, "retry")
        assert work(room) == ["clarify"], "nobody knows more than before"
        assert texts(room, document.id) == wanted
    with room.db.read() as conn:
        assert len(rows.rescans_of(conn, batch.id)) == 2
        (waits,) = rows.arrivals(conn, "bauakten", true())
        assert waits.problem and waits.state == "CLARIFY"
    sound(room, batch)


def test_the_rest_goes_in_when_it_can_be_told(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = filed(room, tmp_path / "disk", 2)
    first, second = target(room, batch), target(room, batch, 1)
    with room.db.transaction() as tx:
        filing = filing_of_document(tx.connection, second.id)
        assert filing is not None
        akten.close_file(tx, Viewer("mittelau"), BY, filing.file.id)
    drop(room, x=f"{slip(batch, second, 1)}\f{GOOD.format(2)}\f{slip(batch, first, 1)}\f{GOOD.format(1)}")
    assert work(room) == ["clarify"]
    sound(room, batch)
    with room.db.transaction() as tx:
        (problem,) = open_problems(tx.connection, "mittelau")
        assert "geschlossen" in problem.title and problem.title.endswith("Eine andere Seite ist schon eingefügt.")
        assert get_document(tx.connection, second.id).state is DocumentState.FILED, "nothing of it is begun"
        akten.reopen_file(tx, Viewer("mittelau"), BY, filing.file.id)
        review.resolve(tx, problem.id, BY, "retry")
    assert work(room) == ["opened"]
    assert (texts(room, first.id), texts(room, second.id)) == ([GOOD.format(1)], [GOOD.format(2)])
    with room.db.read() as conn:
        assert len(rows.rescans_of(conn, batch.id)) == 2 and open_problems(conn, "mittelau") == ()
    sound(room, batch)


def test_a_double_is_set_aside_by_a_decision(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = one_file(room, tmp_path, "\f".join([LETTER.format(1), "Ganz anderer Brief über die Abwassergebühr für das Jahr 1987 "
                     "im Ortsteil Westerau an den Eigentümer des Hauses", LETTER.format(1).replace("Garage", "Carage")]))
    assert found(room, batch) == {"double": ["A_1/akte.txt, Seite 3"]}
    with room.db.read() as conn:
        (difference,) = abweichungen.differences_of(conn, batch.id)
    with pytest.raises(Refused, match="nur Seiten, die doppelt"), room.db.transaction() as tx:
        people.decide(tx, batch, replace(difference, kind="missing"), "dropped", "", BY)
    with room.db.transaction() as tx:
        people.decide(tx, batch, difference, "dropped", "", BY)
    assert len(target(room, batch).pages) == 2 and found(room, batch) == {}
    with room.db.read() as conn:
        assert lose.page_balance(conn, batch)["double"] == 1 and lose.numbers(conn, batch).pages == 2
    assert "dropped" not in people.decisions_on("missing") and "dropped" in people.decisions_on("double")
    sound(room, batch)


# ---- what people decided -----------------------------------------------------------------------------------------------


def test_a_filed_document_is_filed_again_in_its_place_with_the_new_page(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = filed(room, tmp_path / "disk", 1)
    document = target(room, batch)
    with room.db.read() as conn:
        before = filing_of_document(conn, document.id)
    drop(room, x=f"{slip(batch, document, 1)}\f{GOOD}")
    assert work(room) == ["opened"]
    with room.db.read() as conn:
        assert get_document(conn, document.id).state is DocumentState.APPROVED
        assert lose.numbers(conn, batch).documents == {"APPROVED": 1}
    pipeline.file_document(room, document.id)
    with room.db.read() as conn:
        after = filing_of_document(conn, document.id)
    assert before is not None and after is not None and before.key != after.key
    assert (after.file.id, after.case, after.title) == (before.file.id, before.case, before.title)
    sound(room, batch)


def test_in_a_closed_akte_nothing_is_changed(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = filed(room, tmp_path / "disk", 1)
    document = target(room, batch)
    with room.db.transaction() as tx:
        filing = filing_of_document(tx.connection, document.id)
        assert filing is not None
        akten.close_file(tx, Viewer("mittelau"), BY, filing.file.id)
    drop(room, x=f"{slip(batch, document, 1)}\f{GOOD}")
    assert work(room) == ["clarify"]
    with room.db.read() as conn:
        assert get_document(conn, document.id).state is DocumentState.FILED
        assert "geschlossen" in open_problems(conn, "mittelau")[0].title
    sound(room, batch)


def test_what_a_clerk_said_of_a_waiting_document_stays(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = one_file(room, tmp_path)
    document = target(room, batch)
    pipeline.propose_document(room, document.id)
    document = target(room, batch)
    with room.db.transaction() as tx:
        review.correct(tx, document.id, document.revision, BY, "subject", "Garage Muster", 2, (0.1, 0.1, 0.2, 0.2))
    drop(room, x=f"{slip(batch, document, 2)}\f{GOOD}")
    assert work(room) == ["opened"]
    with room.db.read() as conn:
        said = next(one for one in proposals_of(conn, document.id) if one.field == "subject")
        assert get_document(conn, document.id).state is DocumentState.PROPOSED
    assert said.value == "Garage Muster" and said.evidence[0].page == 0 and said.evidence[0].box is None
    sound(room, batch)


def test_the_check_that_asked_for_it_is_settled_by_a_person_who_looks_again(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = filed(room, tmp_path / "disk", 1)
    document = target(room, batch)
    draw = drawn(room, batch)

    def look(verdict: str) -> None:
        with room.db.read() as conn:
            (one,) = checks.checks_of(conn, draw.id, open_only=True)
        with room.db.transaction() as tx:
            quality.check(tx, batch, one, verdict, CHECKER, defect="" if verdict == "ok" else "blur", page=1)

    def state() -> tuple[bool, bool]:
        with room.db.read() as conn:
            (one,) = checks.checks_of(conn, draw.id)
        return one.open, one.faulty

    look("rescan")
    assert state() == (False, True)
    for number, verdict, after in ((1, "rescan", (False, True)), (2, "ok", (False, False))):
        drop(room, **{f"x{number}": f"{slip(batch, document, 1)}\f{GOOD.format(number)}"})
        assert work(room) == ["opened"]
        pipeline.file_document(room, document.id)
        assert state() == (True, True), "the rescan waits to be looked at"
        look(verdict)
        assert state() == after
    with room.db.transaction() as tx:
        assert quality.decide(tx, batch, draw, CHECKER) == checks.REJECTED, "the plan counts what was found, mended or not"
        conn = tx.connection
        mended = checks.checks_of(conn, draw.id)[0]
        assert "Nachscan geprüft" in quality.told(mended)
    sound(room, batch)


# ---- kills -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["add_part", "record", "rescanned"])
def test_killed_between_steps_nothing_is_doubled_or_lost(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:  # noqa: F811
    batch = filed(room, tmp_path / "disk", 1)
    document = target(room, batch)
    drop(room, x=f"{slip(batch, document, 1)}\f{GOOD}")
    place = {"add_part": rows, "rescanned": checks}.get(where, rescans)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(place, where, killed)
        work(room)
    sound(room, batch)
    with room.db.read() as conn:
        assert get_document(conn, document.id).state is DocumentState.FILED, "all or nothing"
    assert work(room) == ["opened"] and work(room) == []
    pipeline.file_document(room, document.id)
    with room.db.read() as conn:
        assert len(rows.rescans_of(conn, batch.id)) == 1
        assert conservation_faults(conn, document.delivery) == []
    sound(room, batch)


def test_killed_before_the_file_was_moved_it_is_taken_once(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    batch = one_file(room, tmp_path)
    document = target(room, batch)
    folder = drop(room, x=f"{slip(batch, document, 1)}\f{GOOD}")
    here = door(room)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(type(here.source), "done", killed)
        receive_all(room.db, room.blobs("mittelau"), here.tenant, here.profile, here.source)
    assert (folder / "x.txt").exists()
    work(room)
    with room.db.read() as conn:
        assert len(rows.rescans_of(conn, batch.id)) == 1
        assert sum(entry.action == "delivery.received" for entry in entries(conn, "mittelau")) == 2
    sound(room, batch)


def test_paper_of_a_mended_document_may_go_once_somebody_looked_and_it_is_saved(
        room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = filed(room, tmp_path / "disk", 2)
    draw = drawn(room, batch)
    with room.db.transaction() as tx:  # as if the plan allowed one
        tx.connection.execute(qa_draws.update().values(accept=1))
        draw = checks.draws_of(tx.connection, batch.id)[0]
    with room.db.read() as conn:
        rows_of_draw = checks.checks_of(conn, draw.id)
    for at, one in enumerate(rows_of_draw):
        with room.db.transaction() as tx:
            verdict, defect = ("ok", "") if at else ("rescan", "blur")
            quality.check(tx, batch, one, verdict, CHECKER, defect=defect, page=1)
    with room.db.transaction() as tx:
        assert quality.decide(tx, batch, draw, CHECKER) == checks.ACCEPTED
    with room.db.read() as conn:
        document = get_document(conn, rows_of_draw[0].document)
    drop(room, x=f"{slip(batch, document, 1)}\f{GOOD}")
    assert work(room) == ["opened"]
    pipeline.file_document(room, document.id)

    def kept() -> list[str]:
        with room.db.read() as conn:
            return [why for _, why in releasing.release(conn, batch, utcnow()).kept]

    assert kept() == ["in der Prüfung beanstandet"]
    with room.db.read() as conn:
        (one,) = checks.checks_of(conn, draw.id, open_only=True)
    with room.db.transaction() as tx:
        quality.check(tx, batch, one, "ok", CHECKER)
    assert kept() == []
    with pytest.raises(Stale), room.db.transaction() as tx:
        quality.check(tx, batch, one, "ok", CHECKER)
