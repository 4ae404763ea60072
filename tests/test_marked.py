"""Marks on letters of names that German recognition lost, seen by a second look (intake/box/inside/marked.py)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lettering import made_letter, scanned
from PIL import Image

from intake.box.inside import marked
from intake.box.inside.read import run
from intake.errors import ConfigError
from intake.ocr.letters import KEPT, LATIN, latin_in, without_dictionary
from intake.vocabulary import Word

TESSDATA = next((folder for folder in sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)), Path())
HEIGHT = 297.0


def page() -> Image.Image:
    image = Image.new("L", (1654, 2339), 255)
    image.info["dpi"] = (200.0, 200.0)
    return image


def line(*said: tuple[str, float], top: float = 0.05, number: int = 0) -> list[Word]:
    """Words of one line, each a tenth of the page wide."""
    return [Word(text, (0.1 + 0.1 * at, top, 0.19 + 0.1 * at, top + 0.012), sure, line=number, block=number)
            for at, (text, sure) in enumerate(said)]


class Engine:
    """Says for each cut in turn the words it is told, spread over the cut as `line` spreads them over the page."""

    def __init__(self, *cuts: Sequence[tuple[str, float]]) -> None:
        self.cuts, self.asked = list(cuts), 0

    def __call__(self, cut: Image.Image, _mode: int) -> tuple[Word, ...]:
        self.asked += 1
        said = self.cuts.pop(0) if self.cuts else ()
        return tuple(Word(text, ((at + 0.3) / len(said), 0.3, (at + 0.6) / len(said), 0.7), sure)
                     for at, (text, sure) in enumerate(said))


def texts(words: Sequence[Word], engine: Engine) -> list[str]:
    return [word.text for word in marked.marked(words, page(), HEIGHT, 0.0, engine)]


def test_a_doubted_name_gets_the_marks_that_are_surely_seen() -> None:
    words = line(("Jifi", 0.4), ("Dvoräk,", 0.87), ("Birkenweg", 0.97), ("5,", 0.97))
    found = marked.marked(words, page(), HEIGHT, 0.0, Engine([("Jiří", 0.91), ("Dvořák,", 0.92)]))
    assert [word.text for word in found] == ["Jiří", "Dvořák,", "Birkenweg", "5,"]
    assert [word.raw for word in found] == ["Jifi", "Dvoräk,", "", ""]
    assert [word.box for word in found] == [word.box for word in words]
    assert found[0].confidence == 0.91


def test_a_sure_word_gets_its_marks_when_the_other_of_the_name_does() -> None:
    assert texts(line(("Lukasz", 0.58), ("Wisniewski", 0.93)), Engine([("Łukasz", 0.88), ("Wiśniewski", 0.91)])) == [
        "Łukasz", "Wiśniewski"]
    assert texts(line(("von", 0.7), ("Heydt", 0.93)), Engine([("von", 0.9), ("Hèydt", 0.9)])) == ["von", "Heydt"]


@pytest.mark.parametrize("again", [
    ("Simić", 0.7), ("Schmid", 0.95), ("Simit", 0.95), ("Müller", 0.95)], ids=["unsure", "other", "unmarked", "umlaut"])
def test_nothing_else_changes_a_word(again: tuple[str, float]) -> None:
    words = line(("Ivana", 0.93), ("Simie", 0.7))
    assert marked.marked(words, page(), HEIGHT, 0.0, Engine([("Ivana", 0.93), again])) == tuple(words)


def test_an_unsure_second_look_counts_where_another_place_reads_alike() -> None:
    words = [*line(("Tischlerei", 0.93), ("Simie", 0.7)), *line(("Tischlerei", 0.93), ("Simi6,", 0.2), top=0.15, number=1)]
    alike = Engine([("Tischlerei", 0.9), ("Šimić", 0.7)], [("Tischlerei", 0.9), ("Šimić,", 0.6)])
    assert texts(words, alike) == ["Tischlerei", "Šimić", "Tischlerei", "Šimić,"]
    other = Engine([("Tischlerei", 0.9), ("Šimić", 0.7)], [("Tischlerei", 0.9), ("Šimic,", 0.6)])
    assert texts(words, other) == ["Tischlerei", "Simie", "Tischlerei", "Simi6,"]


def test_where_the_name_stands_again_is_looked_at_too() -> None:
    words = [*line(("Emre", 0.92), ("$ahin,", 0.6)), *line(("Emre", 0.93), ("Sahin", 0.93), top=0.6, number=1)]
    engine = Engine([("Emre", 0.9), ("Şahin,", 0.92)], [("Emre", 0.9), ("Şahin", 0.6)])
    assert texts(words, engine) == ["Emre", "Şahin,", "Emre", "Şahin"]
    assert engine.asked == 2


@pytest.mark.parametrize("words", [
    line(("Lukas", 0.93), ("Wolf", 0.92)),
    line(("Hansen", 0.96), ("Bau", 0.95), ("GmbH", 0.91)),
    line(("Jiri", 0.5), ("Dvorak", 0.5), top=0.5),
    line(("Die", 0.7), ("Gemeinde", 0.8), ("erhebt", 0.9)),
    line(("(GVBl.", 0.1), ("S.", 0.92)),
    line(("27.", 0.5), ("Mai", 0.6)),
    [*line(("Architektur", 0.79), ("Sörensen", 0.93)), *line(("Architektur", 0.93), ("Voß", 0.95), top=0.15, number=1)],
], ids=["sure", "firm", "body", "sentence", "brackets", "date", "sure elsewhere"])
def test_ordinary_pages_ask_nobody(words: list[Word]) -> None:
    engine = Engine()
    assert marked.marked(words, page(), HEIGHT, 0.0, engine) == tuple(words)
    assert not engine.asked


def test_behind_a_leading_word_and_in_turkish_names() -> None:
    assert texts(line(("Name:", 0.97), ("Ayse", 0.92), ("Yıldız", 0.92), top=0.3), Engine([("Ayşe", 0.9), ("Yıldız", 0.9)])) == [
        "Name:", "Ayşe", "Yıldız"]


def test_few_names_of_a_page_are_looked_at() -> None:
    words = [word for at in range(12) for word in line(("Karla", 0.5), ("Anders", 0.5), top=0.02 + 0.02 * at, number=at)]
    engine = Engine()
    marked.marked(words, page(), HEIGHT, 0.0, engine)
    assert engine.asked == marked.MOST


@given(st.lists(st.tuples(st.text("aeiouäöüAbc.ıłř$6, ", min_size=1, max_size=8).filter(str.strip), st.floats(0, 1)), min_size=1,
                max_size=5), st.lists(st.tuples(st.text("aeiouřłşăabc.", min_size=1, max_size=8), st.floats(0, 1)), max_size=5))
def test_words_keep_their_number_and_place(said: list[tuple[str, float]], again: list[tuple[str, float]]) -> None:
    words = line(*said)
    found = marked.marked(words, page(), HEIGHT, 0.0, Engine(again))
    assert [word.box for word in found] == [word.box for word in words]
    assert all(after.raw == before.text for before, after in zip(words, found, strict=True) if after.text != before.text)


def test_a_letter_keeps_the_marks_of_its_sender(tmp_path: Path) -> None:
    made = made_letter(39138)
    assert made.truth["sender_name"] == "Jiří Dvořák"
    scanned(made.letter, 39138, 200).save(tmp_path / "letter.png", dpi=(200, 200))

    def lines(tessdata: Path) -> str:
        answer = run({"media_type": "image/png", "tessdata": str(tessdata)}, [tmp_path / "letter.png"], tmp_path)
        return str(answer["pages"][0]["text"])

    assert lines(TESSDATA).count("Jiří Dvořák") >= 2
    (tmp_path / "tessdata").mkdir()
    for file in TESSDATA.glob("*.traineddata"):
        if file.stem != LATIN:
            (tmp_path / "tessdata" / file.name).symlink_to(file)
    without = lines(tmp_path / "tessdata")
    assert "Jiří" not in without
    assert "Dvor" in without or "Dvof" in without


def test_the_dictionary_is_left_out(tmp_path: Path) -> None:
    data = latin_in(TESSDATA)
    assert data is not None
    without_dictionary(data, tmp_path / "lean")
    lean, whole = (tmp_path / "lean").read_bytes(), data.read_bytes()
    count = int.from_bytes(lean[:4], "little")
    assert len(lean) < 1_000_000 < len(whole)
    starts = [int.from_bytes(lean[4 + 8 * at:12 + 8 * at], "little", signed=True) for at in range(count)]
    assert [at for at, start in enumerate(starts) if start >= 0] == list(KEPT)
    assert lean[starts[KEPT[0]]:starts[KEPT[1]]] in whole


@pytest.mark.parametrize("data", [b"", b"\x01\0\0\0", b"\x18\0\0\0" + bytes(20), b"hello" * 100])
def test_broken_language_data_are_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "Latin.traineddata").write_bytes(data)
    with pytest.raises(ConfigError, match="tesseract-ocr-script-latn"):
        without_dictionary(tmp_path / "Latin.traineddata", tmp_path / "lean")


def test_the_data_may_lie_in_a_folder_of_scripts(tmp_path: Path) -> None:
    assert latin_in(tmp_path) is None
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "Latin.traineddata").touch()
    assert latin_in(tmp_path) == tmp_path / "script" / "Latin.traineddata"
