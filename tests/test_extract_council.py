"""Council papers by their heads: table, leading words with values below, budget motions; and letters that are none."""

from __future__ import annotations

from intake.extract.council import council
from intake.vocabulary import Material
from tests.paper import page_of

TABLE = """Beschlussvorlage
Vorlage Nr.: 2023/0881
Verantwortlich: Dez. 4
Dienststelle: StK
Änderung der Besetzung des Aufsichtsrates der Klinikum Süderbrück
gGmbH und ihrer Tochtergesell-
schaften
Beratungsfolge dieser Vorlage
Gremium Termin TOP ö nö Ergebnis
Ausschuss für öffentliche
Einrichtungen
29.11.2022 4 x vorberaten
Gemeinderat 20.12.2022 18 x
Beschlussantrag (Kurzfassung)
Der Gemeinderat beschließt am 24.12.2022, ..."""
COLUMNS = """STADT SÜDERBRÜCK
ANTRAG
Stadtrat Tilman Harder (ABC)
ABC-Gemeinderatsfraktion
vom 20.05.2015
Gremium:
Termin:
Vorlage Nr.:
TOP:
13. Plenarsitzung Gemeinderat

30.06.2015
2015/0330
28.1

öffentlich

Datensicherheit bei der Stadt

Die Fraktion beantragt:"""


def best(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in sorted(council(Material((page_of(text),))), key=lambda one: -one.confidence):
        found.setdefault(one.field, one.value)
    return found


def test_the_table() -> None:
    assert best(TABLE) == {
        "reference": "2023/0881", "meeting_date": "2022-12-20", "committee": "Gemeinderat",
        "subject": "Änderung der Besetzung des Aufsichtsrates der Klinikum Süderbrück gGmbH und ihrer Tochtergesellschaften"}
    rows = [one.value for one in council(Material((page_of(TABLE),))) if one.field == "committee"]
    assert rows == ["Gemeinderat", "Ausschuss für öffentliche Einrichtungen"]


def test_leading_words_with_their_values_below() -> None:
    assert best(COLUMNS) == {"reference": "2015/0330", "meeting_date": "2015-06-30", "committee": "Gemeinderat",
                             "subject": "Datensicherheit bei der Stadt"}


def test_the_row_that_decides() -> None:
    text = ("Vorlage Nr.: 2024/0418\nVerantwortlich: Dez. 1\nBauvorbescheid An der Weide 2\nGremien Termin TOP Ö / N "
            "Zuständigkeit\n"
            "Gemeinderat 24.04.2024 9.4 Ö Entscheidung\nBauausschuss 29.04.2024 1 Ö Kenntnisnahme\nErläuterung")
    assert best(text)["meeting_date"] == "2024-04-24"


def test_a_paper_of_a_local_office_is_for_its_council() -> None:
    text = ("Vorlage Nr.:\nVerantwortlich:\nDienststelle: OV Aue\nBrücke\nGremium Termin TOP\nOrtschaftsrat Aue 16.01.2019 1\n"
            "Gemeinderat 22.01.2019 4\nBeschlussantrag")
    assert best(text)["committee"] == "Ortschaftsrat Aue"


def test_dates_without_blanks() -> None:
    text = "Vorlage Nr.:\nVerantwortlich:\nTräger\nBeratungsfolge dieser Vorlage\nGremiumTerminTOPönö\nBauausschuss16.09.20162\nx"
    assert best(text)["meeting_date"] == "2016-09-16" and best(text)["committee"] == "Bauausschuss"


def test_a_letter_is_no_council_paper() -> None:
    assert council(Material((page_of("Sehr geehrte Damen und Herren,\nam 12.05.2026 tagte der Gemeinderat."),))) == ()
    assert council(Material(())) == ()
