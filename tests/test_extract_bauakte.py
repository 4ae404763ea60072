"""Papers of old building files: register, Bauvorlage, plan fields, where papers and Vorgänge begin."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pytest

from intake.extract.bauakte import BAUVORLAGEN, REGISTERS, bauakte
from intake.extract.papers import with_papers
from intake.extract.vorgang import Seen, begins, outline, seen, vorgang
from intake.vocabulary import Material, Page, Proposal, Stack, Start
from samples import bauakten as generated

DAY = date(1967, 3, 3)


def page(text: str, **values: object) -> Page:
    return replace(Page(1, 210.0, 297.0, text, script="print", quality=0.9), **values)  # type: ignore[arg-type]


def told(*pages: Page, backfile: bool = True) -> list[Proposal]:
    return list(bauakte(Material(pages, notes={"backfile": backfile})))


def first(field: str, *pages: Page) -> str:
    return next((one.value for one in told(*pages) if one.field == field), "")


@pytest.mark.parametrize(("register", "text"), [
    ("01", "Bauantrag\n\nBauherr: Hans Jessen\nBaugrundstück: Lindenstraße 7"),
    ("01", "Heinrich Asmussen\nMittelau, den 3. März 1967\n\nBaugesuch\n\nIch bitte um die Genehmigung."),
    ("02", "Baubeschreibung\nzum Bauantrag vom 3.3.1967\n1. Gründung\n2. Außenwände"),
    ("03", "Lageplan\nGemarkung Mittelau, Flur 2, Flurstück 64/9\nMaßstab 1:500"),
    ("03", "Auszug aus dem Liegenschaftskataster\nLiegenschaftskarte 1:1000"),
    ("05", "Wohnflächenberechnung\nErdgeschoss 82,40 m²"),
    ("05", "Berechnung des umbauten Raumes\n9,99 x 7,50 x 6,20"),
    ("06", "Statische Berechnung\nPos. 1 Sparren 8/16"),
    ("06", "Wärmeschutznachweis\nfür das Wohnhaus"),
    ("07", "Staatliches Gewerbeaufsichtsamt\n\nStellungnahme\n\nKeine Bedenken."),
    ("08", "Nachbarzustimmung\nzum Neubau einer Garage"),
    ("09", "Bauschein Nr. 21/67\n\nHerrn Heinrich Asmussen\n\nwird Ihnen unbeschadet der Rechte Dritter die Genehmigung erteilt"),
    ("09", "Baugenehmigung\n\nAuflagen und Bedingungen"),
    ("10", "Baulastenverzeichnis\nEintragung einer Baulast"),
    ("11", "Rohbauabnahmeschein\nBauherr: Hans Jessen"),
    ("11", "Anzeige des Baubeginns"),
    ("12", "Hans Jessen\n\nBetr.: Ihr Schreiben\n\nSehr geehrte Herren,\nich danke für Ihre Nachricht.\nMit freundlichen Grüßen"),
    ("14", "Widerspruch\ngegen die Baugenehmigung Nr. 21/67\nHochachtungsvoll"),
])
def test_what_names_itself_is_known(register: str, text: str) -> None:
    assert first("register", page(text)) == register


def test_a_letter_about_an_application_is_a_letter() -> None:
    text = ("Hans Jessen\n\nMittelau, den 3. März 1967\n\nBetr.: Mein Bauantrag Lindenstraße 7\n\nSehr geehrte Herren,\n"
            "darf ich an meinen Antrag erinnern?\n\nMit vorzüglicher Hochachtung")
    assert first("register", page(text)) == "12"


def test_a_drawing_on_a_large_sheet_is_a_drawing_with_its_scale_and_number() -> None:
    sheet = page("Grundriß Erdgeschoß\nBauherr: H. Asmussen\nM. 1:100   Blatt 2\nMittelau, 12. Februar 1967", width_mm=420.0,
                 script="drawing")
    assert first("register", sheet) == "04"
    assert (first("plan_scale", sheet), first("drawing_number", sheet)) == ("1:100", "2")
    assert first("drawing_date", sheet) == "1967-02-12"
    assert first("bauvorlage", sheet) == "5" and BAUVORLAGEN["5"][0] == "Grundriss"


def test_every_value_has_its_place_and_a_probability() -> None:
    found = told(page("Baubeschreibung\nzum Neubau"))
    assert found and all(one.evidence and 0 < one.confidence <= 1 for one in found)
    registers = [one for one in found if one.field == "register"]
    assert len(registers) == 3 and registers[0].confidence > registers[1].confidence >= registers[2].confidence
    assert {one.value for one in registers} <= REGISTERS.keys()


def test_only_the_back_file_is_asked() -> None:
    assert told(page("Baubeschreibung"), backfile=False) == []
    assert told() == []


def test_the_builder_is_read_where_no_word_names_him() -> None:
    assert first("applicant", page("Heinrich Asmussen\n\nMittelau, den 3. März 1967\n\nBaugesuch")) == "Heinrich Asmussen"
    assert first("applicant", page("Bauschein Nr. 21/67\n\nHerrn\nHeinrich Asmussen\n\nerteilt")) == "Heinrich Asmussen"
    assert first("applicant", page("Gemeinde Mittelau\n\nBaugesuch")) == ""


# ---- papers ------------------------------------------------------------------------------------------------------------


def blind(pages: list[Page]) -> Stack:
    """A learned boundary that saw nothing."""
    return Stack(tuple(Start(0.1) for _ in pages), (0,), 0.5)


def firsts(*pages: Page) -> tuple[int, ...]:
    return with_papers(pages, blind(list(pages))).firsts


def test_titles_formats_and_page_numbers_cut() -> None:
    drawing = page("Grundriß", width_mm=420.0, script="drawing")
    found = firsts(page("Bauantrag\nx"), page("Baubeschreibung\ny"), page("- 2 -\nz"), drawing, page("Bauschein Nr. 3"))
    assert found == (0, 1, 3, 4)


def test_a_house_number_in_the_first_line_is_no_page_number() -> None:
    assert firsts(page("x"), page("48\n\nLageplan\nFlur 1")) == (0, 1)


def test_sheets_of_one_set_stay_together() -> None:
    def sheet(text: str) -> Page:
        return page(text, width_mm=420.0, script="drawing")
    assert firsts(page("Bauantrag"), sheet("Küche\nWohnen"), sheet("Küche\nSchlafen")) == (0, 1)


def test_what_the_model_is_sure_of_stays() -> None:
    pages = [page("Brief eins"), page("Brief zwei")]
    sure = Stack((Start(1.0), Start(0.97, ("neuer Briefkopf",))), (0, 1), 0.97)
    assert with_papers(pages, sure).firsts == (0, 1)
    assert with_papers([], Stack((), (), 1.0)).firsts == ()


def test_every_start_says_why() -> None:
    found = with_papers([page("x"), page("Baubeschreibung")], blind([page("x"), page("y")]))
    assert found.starts[1].evidence[0] == "Überschrift „Baubeschreibung“" and 0 < found.probability < 1
    assert found.by == "model:boundary@1+rule:papers@1"


# ---- Vorgänge ----------------------------------------------------------------------------------------------------------


def test_an_akte_of_three_decades_has_three_vorgaenge() -> None:
    rng = random.Random(4)
    cases = [generated.vorgang(("Lindenstraße 7", "Flur 2, Flurstück 64/9", "Mittelau"), year, number, rng)
             for year, number in ((1931, 12), (1957, 40), (1984, 7))]
    papers = [tuple(_drawn(paper)) for case in cases for paper in case.papers]
    titles = outline(papers)
    counts = [len(case.papers) for case in cases]
    assert [titles[sum(counts[:at])][:4] for at in range(3)] == ["1931", "1957", "1984"]
    assert len(set(titles)) == 3 and [titles.count(title) for title in dict.fromkeys(titles)] == counts


def _drawn(paper: generated.Paper) -> list[Page]:
    class Lines:
        width, height = paper.size

        def __init__(self) -> None:
            self.said: list[str] = []

        def text(self, x: float, y: float, text: str, size: float = 11, face: str = "", ink: int = 0) -> None:
            self.said.append(text)

        def measure(self, text: str, size: float = 11, face: str = "") -> float:
            return 2.0 * len(text)

        def line(self, *_: float) -> None: ...

        def box(self, *_: float) -> None: ...

    pages = []
    for number, draw in enumerate(paper.pages, start=1):
        canvas = Lines()
        draw(canvas)  # type: ignore[arg-type]
        pages.append(Page(number, *paper.size, "\n".join(canvas.said), script="drawing" if paper.size[0] > 400 else "print"))
    return pages


def test_what_begins_a_vorgang() -> None:
    group = [Seen("01", DAY, "21/67", "Neubau eines Hauses"), Seen("02"), Seen("09", date(1967, 4, 18), "21/67")]
    assert not begins(Seen("11", date(1967, 9, 1)), group), "a notice months later"
    assert begins(Seen("01", date(1969, 5, 1), "8/69"), group), "another number"
    assert begins(Seen("01", date(1969, 5, 1)), group), "an application two years later"
    assert not begins(Seen("01", date(1967, 4, 1), "21/67"), group), "the same application again"
    assert begins(Seen("12", date(1975, 1, 1)), group), "a letter eight years later"
    assert begins(Seen(cover=True), group)
    assert not begins(Seen("01", DAY), [Seen(cover=True)]), "the application behind its cover sheet"


def test_one_vorgang_without_a_name_gives_none() -> None:
    assert outline([(page("Foto"),), (page("noch eins"),)]) == ("", "")
    assert outline([]) == ()


def test_what_a_document_tells() -> None:
    told = seen((page("Bauschein Nr. 21/67\nMittelau, den 18. April 1967\nBauvorhaben: Neubau eines Siedlungshauses"),))
    assert told == Seen("09", date(1967, 4, 18), "21/67", "Neubau eines Siedlungshauses")
    assert seen((page("Bauakte\nLindenstraße 7"),)).cover


def test_the_outline_becomes_a_proposal_with_its_origin() -> None:
    found = list(vorgang(Material((page("x"),), notes={"case": "1967 Neubau"})))
    assert [(one.field, one.value, one.evidence[0].by) for one in found] == [("case_title", "1967 Neubau", "rule:vorgang@1")]
    assert list(vorgang(Material((page("x"),)))) == []
