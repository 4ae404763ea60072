"""Who writes: all places that print the sender, compared; words misread at one of them, names in two lines, clubs, addresses."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.extract.letter import letter
from intake.extract.sender import parts
from intake.extract.standard import standard
from intake.vocabulary import Material, Page, Proposal
from samples.letters import Letter, lay_out, random_letter
from tests.paper import WordCanvas

FIRM = ("Ingenieurbüro Thomsen & Partner GmbH", "Birkenweg 12", "24997 Norderfeld")
FOOT = ("Ingenieurbüro Thomsen & Partner GmbH · Sparkasse Auenland · IBAN DE72 2179 9911 0004 0001 00",)
HEAD, BACK, FOOT_TOP = (10, 25), (35, 65), (270, 297)


def printed(skew: float = 0.0, **changes: object) -> Page:
    canvas = WordCanvas(skew=skew)
    plain = random_letter(3)
    looks = {"sender": FIRM, "signature": "Kirsten Harder", "form": "B", "block": (), "footer": FOOT, **changes}
    lay_out(canvas, Letter(**{**{name: getattr(plain, name) for name in plain.__dataclass_fields__}, **looks}))
    return canvas.pages()[0]


def misread(page: Page, band: tuple[float, float], change: Callable[[str], str], confidence: float = 0.96) -> Page:
    """The page with the words between two heights in mm as `change` gives them."""
    words = tuple(
        replace(word, text=change(word.text), confidence=confidence)
        if band[0] <= word.box[1] * page.height_mm <= band[1] and change(word.text) != word.text else word for word in page.words)
    return replace(page, words=words, source="ocr")


def found(page: Page) -> list[Proposal]:
    said = letter(Material((page,), received_on=date(2026, 11, 20)))
    return sorted((one for one in said if one.field == "sender_name"), key=lambda one: -one.confidence)


@pytest.mark.parametrize("band", [HEAD, BACK, FOOT_TOP])
@pytest.mark.parametrize("skew", [-2.0, 0.0, 2.0])
def test_a_word_misread_at_one_place_is_spelled_by_the_others(band: tuple[int, int], skew: float) -> None:
    page = misread(printed(skew), band, lambda text: text.replace("Thomsen", "Thomson"), 0.7)
    first = found(page)[0]
    assert first.value == FIRM[0] and first.confidence > 0.85


def test_each_place_misread_elsewhere_is_put_right_word_by_word_and_says_so() -> None:
    page = misread(printed(), HEAD, lambda text: text.replace("Thomsen", "Thomson"))
    page = misread(page, BACK, lambda text: text.replace("Ingenieurbüro", "lngenieurbüro"))
    page = misread(page, FOOT_TOP, lambda text: text.replace("Partner", "Parlner"))
    first = found(page)[0]
    assert first.value == FIRM[0] and first.raw in {one.evidence[0].text for one in found(page)}
    assert first.raw != first.value and first.checks == (f"ocr:auch {first.raw}",)
    assert len(first.evidence) >= 2 and any("Thomsen" in place.text for place in first.evidence)
    assert all(place.box for place in first.evidence)


def test_two_places_that_differ_give_the_larger_type() -> None:
    page = misread(printed(footer=()), BACK, lambda text: text.replace("Thomsen", "Tbomsen"))
    assert found(page)[0].value == FIRM[0] and found(page)[0].evidence[0].box[1] < 0.1  # type: ignore[index]
    badly = misread(printed(footer=()), HEAD, lambda text: text.replace("Thomsen", "Tbomsen"), 0.1)
    assert found(badly)[0].value == FIRM[0] and "return-line" in found(badly)[0].evidence[0].by


def test_a_blank_lost_behind_a_full_stop() -> None:
    page = printed(sender=("Hansen Bau GmbH & Co. KG", *FIRM[1:]), footer=())
    words = list(page.words)
    at = next(number for number, word in enumerate(words) if word.text == "Co.")
    words[at:at + 2] = [replace(words[at], text="Co.KG", box=(*words[at].box[:2], *words[at + 1].box[2:]))]
    assert found(replace(page, words=tuple(words), source="ocr"))[0].value == "Hansen Bau GmbH & Co. KG"


@pytest.mark.parametrize("comma", [".", ";"])
def test_misread_commas_still_make_a_return_line(comma: str) -> None:
    page = misread(printed(sender=("Lukas Wolf", "Birkenweg 12 b", "24997 Norderfeld"), footer=()), BACK,
                   lambda text: text.replace(",", comma))
    said = letter(Material((page,), received_on=date(2026, 11, 20)))
    best = {name: max((one for one in said if one.field == name), key=lambda one: one.confidence).value
            for name in ("sender_name", "sender_address", "recipient_name")}
    assert best == {"sender_name": "Lukas Wolf", "sender_address": "Birkenweg 12 b, 24997 Norderfeld",
                    "recipient_name": "Amt Mittelau"}


@pytest.mark.parametrize(("line", "first"), [
    ("Kreis Auenland - Der Landrat, Birkenweg 43, 24998 Mittelau", "Kreis Auenland - Der Landrat"),
    ("Amt Mittelau - Am Markt 4 - 24998 Mittelau", "Amt Mittelau"),
    ("Dr. A. Weiß · Hauptstr. 85 a · 79098 Freiburg", "Dr. A. Weiß"),
    ("TSV Mittelau 1921 e. V., Kirchweg 1, 24998 Mittelau", "TSV Mittelau 1921 e. V."),
    ("Hansen Bau GmbH & Co. KG Königsallee 5, 20095 Hamburg", "Hansen Bau GmbH & Co. KG Königsallee 5")])
def test_the_parts_of_a_return_line(line: str, first: str) -> None:
    assert parts(line)[0] == first


def test_a_name_in_two_lines_needs_a_place_that_has_it_whole() -> None:
    canvas_name = ("Rechtsanwälte Brandt", "Köster Lüders")
    page = printed(sender=(canvas_name[0], *FIRM[1:]), footer=(), head_size=9.0)
    words = []
    for word in page.words:
        top = word.box[1] * page.height_mm
        if word.text == "Birkenweg" and top < 30:
            words += [replace(word, text="Köster"), replace(word, text="Lüders", box=(
                word.box[2] + 0.005, word.box[1], word.box[2] + 0.05, word.box[3]))]
        elif word.text == "12" and top < 30:
            continue
        elif word.text == "Brandt," and top > 30:
            words += [replace(word, text=text) for text in ("Brandt", "Köster", "Lüders,")]
        else:
            words.append(word)
    assert found(replace(page, words=tuple(words)))[0].value == "Rechtsanwälte Brandt Köster Lüders"


def without(page: Page, *bands: tuple[float, float]) -> Page:
    return replace(page, words=tuple(word for word in page.words if not any(
        low <= word.box[1] * page.height_mm <= high for low, high in bands)))


@pytest.mark.parametrize("gone", [(), (HEAD,), (BACK,), (HEAD, BACK)])
@pytest.mark.parametrize("foot", [
    FOOT[0], FOOT[0].replace(" · ", " "), FOOT[0].replace(" · ", " » "), f"{FIRM[0]}, Amtsgericht Süderbrück HRB 1234"])
def test_any_place_alone_names_the_sender(gone: tuple[tuple[float, float], ...], foot: str) -> None:
    page = without(printed(footer=(foot, "Telefon 04699 12 34 · www.beispiel.example"), signature="Kirsten Harder"), *gone)
    first = found(page)[0]
    assert first.value == FIRM[0] and (len(gone) == 2 or first.confidence > 0.7)


def test_who_signs_is_the_sender_where_nothing_else_is() -> None:
    page = without(printed(sender=("Kirsten Harder", *FIRM[1:]), footer=()), HEAD, BACK)
    assert [(one.value, one.evidence[0].by) for one in found(page)] == [("Kirsten Harder", "rule:letter-signature@1")]
    lost = without(printed(footer=("Telefon 04699 12 34", "BIC NOLADE21NOS"), signature=""), HEAD, BACK)
    assert found(lost) == []  # the foot is no signature


def test_who_works_on_it_is_not_the_sender() -> None:
    block = (("Unser Zeichen", "III/2-43.66"), ("Name", "Birte Petersen"), ("Telefon", "04699 12"),
             ("E-Mail", "b@beispiel.example"))
    page = printed(form="A", block=block, footer=(), signature="")
    said = [one for extractor in standard() for one in extractor(Material((page,), received_on=date(2026, 11, 20)))]
    assert {one.value for one in said if one.field == "sender_name"} == {FIRM[0]}


def test_a_club_with_its_year_is_a_name() -> None:
    page = printed(sender=("TSV Mittelau 1921 e. V.", *FIRM[1:]), footer=())
    first = found(page)[0]
    assert first.value == "TSV Mittelau 1921 e. V." and first.evidence[0].by == "rule:letter-head-and-return-line@1"


def test_an_address_of_mail_chooses_among_lines_of_the_head() -> None:
    page = printed(sender=("Hansen-Bau", "Ihr Partner seit Jahren"), form="A", head_size=9.0, signature="",
                   footer=("Telefon 04699 12 · www.hansen-bau.example",), head_align="right")
    words = tuple(word for word in page.words if not 30 <= word.box[1] * page.height_mm <= 45)  # no return line
    larger = tuple(replace(word, box=(word.box[0], word.box[1], word.box[2], word.box[3] + 0.012))
                   if word.text in ("Ihr", "Partner", "seit", "Jahren") and word.box[1] < 0.1 else word for word in words)
    assert found(replace(page, words=larger))[0].value == "Hansen-Bau"
    assert "Hansen-Bau" not in [one.value for one in found(replace(page, words=tuple(
        word for word in larger if "www" not in word.text)))][:1]


@pytest.mark.parametrize("band", [HEAD, BACK])
def test_marks_that_one_place_lost_are_those_of_the_other(band: tuple[int, int]) -> None:
    page = misread(printed(sender=("Ayşe Yıldız", *FIRM[1:]), footer=(), signature=""), band, lambda text: text.replace("ş", "s"))
    assert found(page)[0].value == "Ayşe Yıldız"


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["Łukasz Żółć", "Ğülşen Yıldız", "Jiří Dvořák", "Þóra Ægisdóttir", "Nguyễn Văn Ân", "Ōta Ķēniņš",
                        "Müller-Ÿ"]),
       st.sampled_from(["NFC", "NFD"]), st.floats(-2, 2))
def test_letters_of_din_91379_survive(name: str, form: str, skew: float) -> None:
    written = unicodedata.normalize(form, name)  # type: ignore[arg-type]
    first = found(printed(skew, sender=(written, *FIRM[1:]), signature=written, footer=()))[0]
    assert first.value == written and first.raw in ("", written)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([("Thomsen", "Thomson"), ("Partner", "Parlner"), ("Ingenieurbüro", "lngenieurbüro"),
                                 ("GmbH", "Gmb")]), max_size=3), st.sampled_from([HEAD, BACK, FOOT_TOP]), st.floats(0.0, 1.0))
def test_every_word_of_a_value_stands_on_the_page(slips: list[tuple[str, str]], band: tuple[int, int], sure: float) -> None:
    page = printed()
    for right, wrong in slips:
        page = misread(page, band, lambda text, right=right, wrong=wrong: text.replace(right, wrong), sure)  # type: ignore[misc]
    read = {word.text.strip(",") for word in page.words}
    for one in found(page):
        assert set(one.value.split()) <= read
        assert 0 <= one.confidence <= 1 and one.evidence
