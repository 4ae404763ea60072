"""What cannot be told apart is said beside the value; a register's spelling is a proposal of its own, never a correction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.extract.letter import letter
from intake.extract.misread import Checked, checked, fitted, line, sign
from intake.vocabulary import Evidence, Material, Page, Proposal

NAMES = ("Ayşe Yıldız", "Jiří Dvořák", "Anke Petersen", "Tischlerei Nissen & Sohn GmbH")


def said(value: str, name: str = "sender_name") -> tuple[Proposal, ...]:
    one = Proposal(name, value, 0.9, (Evidence("rule:x@1", 1, (0.1, 0.1, 0.4, 0.2), value),))
    return tuple(Checked(lambda _: (one,), NAMES)(Material(())))


@pytest.mark.parametrize(("read", "value", "other"), [
    ("111/2-33.51", "III/2-33.51", "111/2-33.51"), ("111/26", "111/26", "III/26"),
    ("11/2", "11/2", "II/2"), ("1I1/2-4", "III/2-4", "1I1/2-4"),
    ("Il/2-4", "II/2-4", "Il/2-4"), ("II/2-33.51", "II/2-33.51", ""), ("1V/3-7", "IV/3-7", "1V/3-7"),
    ("BA/632.60-0017/2026", "BA/632.60-0017/2026", ""), ("67 95 04", "67 95 04", ""), ("kö-111/26", "kö-111/26", ""),
    ("21/2-33", "21/2-33", "")])
def test_roman_numerals_and_strokes(read: str, value: str, other: str) -> None:
    assert sign(read) == (value, other)


@given(st.text(alphabet="1Il|VX/-.0279 ab", max_size=12))
def test_a_reading_only_changes_strokes(read: str) -> None:
    value, other = sign(read)
    assert read in (value, other) and len(value) == len(read)
    assert all(one == two or (one in "1Il|L" and two == "I") for one, two in zip(read, value, strict=True))


@pytest.mark.parametrize(("read", "value"), [
    ("11V2-20.35", "III/2-20.35"), ("IlV2-20.35", "III/2-20.35"), ("IV2-20.35", "IV2-20.35"), ("11V-20", "11V-20"),
    ("9C 79125", "9 C 79/25"), ("7 c 834/25", "7 C 834/25"),
    ("30 € 566/25", "30 C 566/25"), ("12 OWi 7l26", "12 OWi 7/26"), ("9 C 79/25", "9 C 79/25"),
    ("9C 79/25", "9C 79/25"), ("3 X 719125", "3 X 719125"), ("26 14. 03", "26 14 03"), ("13 97 o1", "13 97 01"),
    ("4l 74 05", "41 74 05"), ("26.14.03", "26.14.03"), ("12. 3. 2026", "12. 3. 2026"), ("kö-805/26", "kö-805/26"),
    ("1 1", "1 1"), ("III//2-40.75", "III/2-40.75"), ("https://x/1", "https://x/1"),
    ("Haus 3 b", "Haus 3 b"), ("10 Ds 4 Js 12/25", "10 Ds 4 Js 12/25")])
def test_a_sign_is_mended_where_its_form_leaves_one_reading(read: str, value: str) -> None:
    assert fitted(read) == value


@given(st.text(alphabet="019 C€DslI|/.o-", max_size=14))
def test_what_was_mended_stays(read: str) -> None:
    once = fitted(read)
    assert fitted(once) == once and len(once) <= len(read) + 2


@pytest.mark.parametrize(("read", "value"), [
    ("Beteiligung nach 8 4 Abs. 2 BauGB", "Beteiligung nach § 4 Abs. 2 BauGB"), ("gemäß $ 34 BauGB", "gemäß § 34 BauGB"),
    ("Gesuch nach 8 Wochen", "Gesuch nach 8 Wochen"), ("im 5 Jahr", "im 5 Jahr"),
    ("Antrag nach § 8 Abs. 1", "Antrag nach § 8 Abs. 1"),
    ("„Westlich Heideweg‘“", "„Westlich Heideweg“"), ("„Am Bach*, Teil 2", "„Am Bach“, Teil 2"),
    ("„Am Bach“*, Teil 2", "„Am Bach“, Teil 2"),
    ("„Am *Bach“", "„Am *Bach“"), ("Hinweis*", "Hinweis*"), ("der 8 12 Uhr Termin", "der 8 12 Uhr Termin")])
def test_a_line_is_mended_where_nothing_else_can_stand(read: str, value: str) -> None:
    assert line(read) == value


def test_a_sign_keeps_what_was_read_and_says_the_other() -> None:
    lines = "Kreis Nordau\n\nUnser Zeichen: 11/2-33.51\n\nIhr Antrag\n\nSehr geehrte Damen und Herren,"
    read, roman = (one for one in letter(Material((Page(1, 210, 297, text=lines),))) if one.field == "our_reference")
    assert read.value == "11/2-33.51" and read.checks == ("ocr:auch II/2-33.51",) and read.confidence < 0.5
    assert roman.value == "II/2-33.51" and roman.raw == "11/2-33.51" and roman.confidence < read.confidence
    mixed, = (one for one in letter(Material((Page(1, 210, 297, text=lines.replace("11/2", "I11/2")),)))
              if one.field == "our_reference")
    assert mixed.value == "III/2-33.51" and mixed.raw == "I11/2-33.51" and mixed.checks == ("ocr:auch I11/2-33.51",)
    first, second = (one for one in letter(Material((Page(1, 210, 297, text=lines.replace("11/2", "111/2")),)))
                     if one.field == "our_reference")
    assert (first.value, second.value) == ("III/2-33.51", "111/2-33.51") and first.confidence < 0.5 and first.raw == second.value
    court, as_read = (one for one in letter(Material((Page(1, 210, 297, text=lines.replace("11/2-33.51", "9C 79125")),)))
                      if one.field == "our_reference")
    assert court.value == "9 C 79/25" and court.raw == as_read.value == "9C 79125" and court.confidence > as_read.confidence
    born = Material((Page(1, 210, 297, text=lines, source="text-layer"),))
    assert all(not one.checks for one in letter(born) if one.field == "our_reference")


def test_only_accents_lost_puts_the_registers_spelling_first() -> None:
    read, spelled = said("Ayse Yildiz")
    assert read.value == "Ayse Yildiz" and read.checks == ("register:ähnlich Ayşe Yıldız",)
    assert spelled.value == "Ayşe Yıldız" and spelled.raw == "Ayse Yildiz" and spelled.confidence > read.confidence
    assert spelled.evidence[0].box == read.evidence[0].box and spelled.evidence[1].by == "register:personen"


def test_another_letter_stays_below_what_was_read() -> None:
    read, spelled = said("Anke Peterson")
    assert read.confidence > spelled.confidence and spelled.value == "Anke Petersen"
    assert spelled.checks == ("register:ähnlich Anke Peterson",)


def test_known_and_unknown_names() -> None:
    assert said("Anke Petersen")[0].checks == ("register:ok",)
    assert len(said("Uwe Hansen")) == 1 and said("Uwe Hansen")[0].checks == ()
    assert len(said("Anke Peterson", "subject")) == 1, "only names are compared"


def test_without_a_register_nothing_is_wrapped() -> None:
    assert checked((letter,), ()) == (letter,)
    assert len(checked((letter,), ("", "Anke Petersen", "Anke Petersen"))[0].names) == 1  # type: ignore[attr-defined]
