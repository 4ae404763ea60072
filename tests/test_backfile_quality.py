"""Quality assurance of a batch: who scans does not check, nothing is destroyed before everything is done."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
import pytest
from review_help import plan
from sqlalchemy import false, true, update
from test_backfile import BY, LETTER, deliver, new, room, take_all  # noqa: F401  (the fixture)

from intake import pipeline, review
from intake.backfile import quality, releasing, report
from intake.backfile.facts import facts_of
from intake.backfile.quality import DEFECTS
from intake.backfile.releasing import NO_DESTRUCTION, REASONS, Release
from intake.backfile.tablefile import Listing, TableFile
from intake.db import batches as lose
from intake.db import checks
from intake.db import differences as abweichungen
from intake.db.batches import Batch
from intake.db.checks import Lot
from intake.db.core import stamp, utcnow
from intake.db.documents import documents_of
from intake.db.signs import Sign, put_signs
from intake.errors import Refused, Stale
from intake.journal import check as chain
from intake.pipeline import Postroom
from intake.schema import filings, qa_checks, qa_draws
from tests.making import signs_of

CHECKER = "clerk:qs"


def filed(room: Postroom, folder: Path, count: int = 4, titles: dict[int, str] | None = None) -> Batch:  # noqa: F811
    """A batch of so many documents, all of them filed."""
    batch = new(room, deliver(folder, **{f"A_{number}__brief": LETTER.format(number * 111) for number in range(1, count + 1)}))
    with room.db.transaction() as tx:
        plan(tx)
    take_all(room)
    with room.db.read() as conn:
        items = lose.items_of(conn, batch.id)
    for number, item in enumerate(items, start=1):
        with room.db.read() as conn:
            document = documents_of(conn, item.delivery or "")[0]
        pipeline.propose_document(room, document.id)
        with room.db.read() as conn:
            revision = documents_of(conn, item.delivery or "")[0].revision
        with room.db.transaction() as tx:
            review.approve(tx, document.id, revision, BY, {"entry": "632.60", "title": (titles or {}).get(number, f"Brief "
                                                                                                                  f"{number}")})
        pipeline.file_document(room, document.id)
    return batch


def drawn(room: Postroom, batch: Batch) -> checks.Draw:  # noqa: F811
    with room.db.transaction() as tx:
        return quality.draw(tx, batch, CHECKER)


def look(room: Postroom, batch: Batch, draw: checks.Draw, verdicts: list[str]) -> None:  # noqa: F811
    with room.db.read() as conn:
        rows = checks.checks_of(conn, draw.id)
    for one, verdict in zip(rows, verdicts, strict=True):
        with room.db.transaction() as tx:
            quality.check(tx, batch, one, verdict, CHECKER, defect="" if verdict == "ok" else "cut_off", page=1)


def test_the_way_from_the_sample_to_the_paper_that_may_go(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = replace(filed(room, tmp_path / "disk"), protection="sehr hoch")
    with pytest.raises(Refused, match="nicht abgeschlossen"), room.db.read() as conn:
        releasing.release(conn, batch, utcnow())
    draw = drawn(room, batch)
    assert (draw.lot, draw.size, draw.accept) == (4, 4, 0)
    with pytest.raises(Refused, match="läuft schon"):
        drawn(room, batch)
    with pytest.raises(Refused, match="4 Schriftstücke der Prüfung"), room.db.transaction() as tx:
        quality.decide(tx, batch, draw, CHECKER)
    look(room, batch, draw, ["ok"] * 4)
    with room.db.transaction() as tx:
        assert quality.decide(tx, batch, draw, CHECKER) == checks.ACCEPTED
    with pytest.raises(Stale), room.db.transaction() as tx:
        quality.decide(tx, batch, draw, CHECKER)
    with room.db.read() as conn:
        assert len(releasing.release(conn, batch, utcnow()).free) == 4
        assert chain(conn, "mittelau") == []


def test_one_fault_too_many_rejects_the_lot_and_nothing_may_go(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = replace(filed(room, tmp_path / "disk"), protection="sehr hoch")
    draw = drawn(room, batch)
    look(room, batch, draw, ["ok", "ok", "rescan", "ok"])
    with room.db.transaction() as tx:
        assert quality.decide(tx, batch, draw, CHECKER) == checks.REJECTED
    with pytest.raises(Refused, match="zurückgewiesen"), room.db.read() as conn:
        releasing.release(conn, batch, utcnow())
    assert drawn(room, batch).id != draw.id, "after a rejected lot another one is drawn"


def test_who_scanned_does_not_check(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = replace(filed(room, tmp_path / "disk", 1), operator="QS")
    draw = drawn(room, batch)
    with room.db.read() as conn:
        one = checks.checks_of(conn, draw.id)[0]
    with pytest.raises(Refused, match="prüft nicht selbst"), room.db.transaction() as tx:
        quality.check(tx, batch, one, "ok", CHECKER)
    with room.db.transaction() as tx:
        quality.check(tx, batch, one, "ok", "clerk:anna")
    with pytest.raises(Stale), room.db.transaction() as tx:
        quality.check(tx, batch, one, "rescan", "clerk:anna", defect="blur")


@pytest.mark.parametrize(("verdict", "defect", "why"), [("gut", "", "kein Ergebnis"), ("rescan", "", "Art des Fehlers"),
                                                         ("defect", "hässlich", "Art des Fehlers")])
def test_words_come_from_closed_lists(room: Postroom, tmp_path: Path, verdict: str, defect: str, why: str) -> None:  # noqa: F811
    batch = filed(room, tmp_path / "disk", 1)
    draw = drawn(room, batch)
    with room.db.read() as conn:
        one = checks.checks_of(conn, draw.id)[0]
    with pytest.raises(Refused, match=why), room.db.transaction() as tx:
        quality.check(tx, batch, one, verdict, CHECKER, defect=defect)


def test_a_lot_that_is_not_whole_is_not_sampled(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = new(room, deliver(tmp_path / "disk", A_1__a=LETTER.format(1)))
    with pytest.raises(Refused, match="noch nichts abgelegt"):
        drawn(room, batch)
    take_all(room)
    with pytest.raises(Refused, match="noch nicht abgelegt"):
        drawn(room, batch)


def test_what_a_machine_found_is_looked_at_besides_the_sample(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = filed(room, tmp_path / "disk", 12)
    with room.db.transaction() as tx:
        signs = [sign for _, sign in signs_of(tx, batch)]
        put_signs(tx, "mittelau", [replace(sign, skew=4.2) if at == 7 else sign for at, sign in enumerate(signs)])
    draw = drawn(room, batch)
    assert (draw.size, draw.accept) == (3, 0)
    with room.db.read() as conn:
        rows = checks.checks_of(conn, draw.id)
    told = [one for one in rows if one.finding]
    assert [one.finding for one in told] == ["Seite 1: schief (+4.2 Grad)"]
    assert sum(one.sampled for one in rows) == 3 and len(rows) in (3, 4)


@pytest.mark.parametrize(("values", "finding"), [
    ({}, ""), ({"quality": 0.5}, "blass oder unscharf"), ({"letters": 0}, "keine lesbare "
                                                                          "Schrift"), ({"blank": True, "skew": 9}, ""),
    ({"warnings": ("beschädigt",)}, "beschädigt")])
def test_findings(values: dict[str, object], finding: str) -> None:
    sign = replace(Sign("d", 0, 1, "", 400, "", 0.9, 0.1, "print", 210, 297, blank=False), **values)  # type: ignore[arg-type]
    assert quality._finding(sign) == finding


def test_paper_that_must_stay(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = replace(filed(room, tmp_path / "disk", 3, {2: "Notarielle Urkunde über den Kauf"}), protection="sehr hoch")
    draw = drawn(room, batch)
    look(room, batch, draw, ["ok"] * 3)
    with room.db.transaction() as tx:
        quality.decide(tx, batch, draw, CHECKER)
    with room.db.read() as conn:
        found = releasing.release(conn, batch, utcnow())
        assert [why for _, why in found.kept] == ["Original mit eigenem Wert („Urkunde“)"] and len(found.free) == 2
        assert {why for _, why in releasing.release(conn, batch, None).kept} == {"noch in keiner Sicherung"}
        assert not releasing.release(conn, batch, utcnow() - timedelta(days=1)).free
    assert "Urkunde" in NO_DESTRUCTION


def test_the_numbers_say_what_the_list_says_of_each(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    titles = {2: "Notarielle Urkunde", 3: "BÜRGSCHAFT der Bank", 4: "Barguschaft", 5: "Beglaubigung"}
    batch = replace(filed(room, tmp_path / "disk", 8, titles), protection="sehr hoch")
    draw = drawn(room, batch)
    look(room, batch, draw, ["ok"] * 8)
    with room.db.transaction() as tx:
        quality.decide(tx, batch, draw, CHECKER)
    late = stamp(utcnow() + timedelta(hours=1))
    later = {6: {"verdict": "rescan"}, 7: {"verdict": "rescan", "rescanned_at": late, "settled_at": late},
             8: {"verdict": "rescan", "rescanned_at": late}}
    with room.db.transaction() as tx:
        for position, values in later.items():
            tx.connection.execute(update(qa_checks).where(qa_checks.c.position == position).values(**values))
        tx.connection.execute(update(qa_draws).values(drawn_at=stamp(draw.drawn_at - timedelta(hours=1))))
        tx.connection.execute(update(filings).where(filings.c.title != "Brief 1").values(at="2026-01-01T00:00:00.000000Z"))
    with room.db.read() as conn:
        seen = {one.document: one for one in checks.checks_of(conn, draw.id)}
        for backed_up in (utcnow() + timedelta(hours=2), utcnow() - timedelta(hours=2), None):
            found, said = releasing.release(conn, batch, backed_up), releasing.counted(conn, batch, backed_up)
            assert (said.documents, said.pages) == (len(found.free), sum(one.pages for one in found.free))
            assert said.stays == Counter(why for _, why in found.kept)
            assert {one.document for one, why in found.kept if why == REASONS["faulty"]} == {
                id for id, one in seen.items() if one.faulty or one.open}
            few = releasing.first(conn, batch, backed_up, true(), said, 1)
            assert few.free == found.free[:1] and [one.title for one, _ in few.kept] == ["Brief 6"]
        found = releasing.release(conn, batch, utcnow())
        assert [one.title for one in found.free] == ["Barguschaft", "Beglaubigung", "Brief 7"], "a rescan may be of later"
        assert sorted(why for _, why in found.kept)[-1] == "nach der Prüfung abgelegt"
        assert releasing.counted(conn, batch, utcnow(), false()) == releasing.Counted(0, 0, {})


# ---- what is printed ---------------------------------------------------------------------------------------------------


def text_of(pdf: Path) -> tuple[int, str]:
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    return len(document), "\n".join(page.get_textpage().get_text_bounded() for page in document)


def test_the_report_says_everything_and_hostile_names_stay_text(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = filed(room, tmp_path / "disk", 3)
    draw = drawn(room, batch)
    with room.db.read() as conn:
        count = len(checks.checks_of(conn, draw.id))
    look(room, batch, draw, ["rescan", *["ok"] * (count - 1)])
    with room.db.transaction() as tx:
        abweichungen.put_differences(tx, "mittelau", batch.id, {("extra", "<b>x</b>"): "Die Akte <b>x</b> & „y“ ist zu viel."})
    with room.db.read() as conn:
        facts = facts_of(conn, room.home.settings.tenant[0], batch, "anna")
    target = tmp_path / "bericht.pdf"
    report.report(replace(facts, registers={"01 Antrag": 3, "09 Bescheide": 1}, confidences={9: 1, 4: 1}), target)
    pages, text = text_of(target)
    assert pages in (1, 2)
    for said in ("Bericht zum Stapel", "geht auf: 0 Seiten Unterschied", "Die Akte <b>x</b> & „y“ ist zu "
                                                                         "viel.", "offen", "Text abgeschnitten",
                 "noch nicht abgeschlossen", "Freigegeben (Leitung)", "01 Antrag"):
        assert said in text, said
    with pikepdf.open(target) as pdf:
        assert pdf.Root.MarkInfo.Marked and str(pdf.Root.Lang) == "de"


def test_the_list_of_destruction_names_what_goes_and_what_stays(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = filed(room, tmp_path / "disk", 1)
    with room.db.read() as conn:
        facts = facts_of(conn, room.home.settings.tenant[0], batch, "anna")
    now = datetime(2026, 11, 22, 6, tzinfo=UTC)
    free = tuple(Lot(f"d{number}", now, f"BA/{number}", f"Brief {number}", 2, f"{number}.pdf") for number in range(60))
    target = tmp_path / "vernichtung.pdf"
    report.destruction(facts, Release(free, ((replace(free[0], title="Urkunde"), "Original mit eigenem Wert"),)), now, target)
    pages, text = text_of(target)
    assert pages >= 2 and "60 Schriftstücke mit 120 Seiten" in text and "BA/59" in text and "Original mit eigenem Wert" in text


def test_a_long_list_is_a_file_whose_hash_is_printed(room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    batch = filed(room, tmp_path / "disk", 1)
    monkeypatch.setattr("intake.backfile.facts.LISTED", 3)
    with room.db.transaction() as tx:
        abweichungen.put_differences(tx, "mittelau", batch.id, {
            ("extra", f"A/{at}"): f"Die Akte A/{at}\r\nist zu viel." for at in range(9)})
        abweichungen.decide(tx, abweichungen.differences_of(tx.connection, batch.id)[0], "accepted", "", "clerk:anna")
        facts = facts_of(tx.connection, room.home.settings.tenant[0], batch, "anna")
        listing = report.differences_file(abweichungen.differences_of(tx.connection, batch.id), tmp_path / "bericht.csv")
    data = (tmp_path / "bericht.csv").read_bytes()
    assert listing == Listing("bericht.csv", 9, hashlib.sha256(data).hexdigest()) and data.startswith(b"\xef\xbb\xbfArt;")
    page = report.report_page(facts, listing)
    assert "9 Abweichungen, hier die ersten 3, offene zuerst." in page and listing.sha256 in page
    assert "Die Akte A/0" not in page and "Die Akte A/3" in page and "so in Ordnung" in page


def test_of_many_documents_the_papers_that_may_go_and_stay_are_files(room: Postroom, tmp_path: Path,  # noqa: F811
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    batch = filed(room, tmp_path / "disk", 1)
    with room.db.read() as conn:
        facts = facts_of(conn, room.home.settings.tenant[0], batch, "anna")
    now = datetime(2026, 11, 22, 6, tzinfo=UTC)
    lots = [(Lot(f"d{number}", now, f"BA/{number}", f"Brief {number}", 2, "a.pdf"),
             "" if number % 3 else "noch in keiner Sicherung") for number in range(30)]
    named, papers = report.release_files(iter(lots), tmp_path / "v.csv", tmp_path / "v-bleibt.csv")
    assert len(named.free) == 20 and "BA/29" in report.destruction_page(facts, named, now, papers), "few are named on the paper"
    monkeypatch.setattr(report, "LISTED", 4)
    named, papers = report.release_files(iter(lots), tmp_path / "v.csv", tmp_path / "v-bleibt.csv")
    page = report.destruction_page(facts, named, now, papers)
    assert "20 Schriftstücke mit 40 Seiten" in page and papers.free.sha256 in page and papers.kept.sha256 in page
    assert "BA/29" not in page and papers.stays == {"noch in keiner Sicherung": 10}
    for name, number in (("v.csv", 20), ("v-bleibt.csv", 10)):
        assert len((tmp_path / name).read_text(encoding="utf-8-sig").splitlines()) == number + 1


def test_slips_are_one_page_each_with_a_code_that_is_read_again(tmp_path: Path) -> None:
    import pypdfium2
    import zxingcpp

    every = [report.Slip("los", f"A_{number}/brief.pdf", str(number), "unscharf", f"poststelle/nachscan/B/D{number}/{number}")
             for number in (1, 2)]
    target = tmp_path / "nachscan.pdf"
    report.slips(every, target)
    document = pypdfium2.PdfDocument(target)
    assert len(document) == 2
    for page, slip in zip(document, every, strict=True):
        found = zxingcpp.read_barcodes(page.render(scale=2).to_pil())
        assert [one.text for one in found] == [slip.code]


def test_tables_for_spreadsheets_hold_no_formulas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.backfile.tablefile.AT_ONCE", 2)
    rows = [("=1+1", "a;b", 7), ("-x", "ö", 0), ("", "@b\r\nc", -1), ("z", "\t", 2), ("y", "+", 3)]
    table = TableFile(tmp_path / "a.csv", ("A", "B", "C"))
    for row in rows:
        table.add(row)
    made, data = table.close(), (tmp_path / "a.csv").read_bytes()
    assert made == Listing("a.csv", 5, hashlib.sha256(data).hexdigest()) and data.startswith(b"\xef\xbb\xbfA;B;C\r\n")
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))[1:] == [
        ["'=1+1", "a;b", "7"], ["'-x", "ö", "0"], ["", "'@b\r\nc", "-1"], ["z", "'\t", "2"], ["y", "'+", "3"]]


def test_plots_show_numbers_and_escape_names() -> None:
    drawing = report.bars({"<a>": 3, **{f"x{number}": number for number in range(20)}})
    assert "&lt;a&gt;" in drawing and "<a>" not in drawing and "andere" in drawing
    assert report.bars({}).startswith("<svg") and set(DEFECTS) >= {"missing", "blur"}
