"""A page as a person looks at it: upright, of the asked resolution, kept once it was made."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn import written
from PIL import Image
from sqlalchemy import select

from intake.blobs import Blobs
from intake.box import Box
from intake.box.inside import picture
from intake.config import BoxSettings
from intake.db.core import Database
from intake.db.deliveries import add_page_reads, newest_page_reads
from intake.errors import InputError
from intake.read import page_image
from intake.schema import page_reads
from samples.letters import born_digital

ORDER = {"media_type": "application/pdf", "number": 1, "rotation": 0, "dpi": 200, "max_megapixels": 200}


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        assert image.format == "JPEG"
        return image.size


@pytest.mark.parametrize(("rotation", "wide"), [(0, 1654), (90, 2339), (180, 1654), (270, 2339)])
def test_it_is_turned_as_asked(tmp_path: Path, rotation: int, wide: int) -> None:
    born_digital(tmp_path / "a.pdf", 1)
    assert picture.run(ORDER | {"rotation": rotation}, [tmp_path / "a.pdf"], tmp_path) == {"picture": "page.jpg"}
    assert size(tmp_path / "page.jpg")[0] == pytest.approx(wide, abs=2)


def test_turning_is_clockwise(tmp_path: Path) -> None:
    page = written(("oben links",), at_mm=(10, 10))
    page.save(tmp_path / "a.png", dpi=(200, 200))
    picture.run(ORDER | {"media_type": "image/png", "rotation": 90}, [tmp_path / "a.png"], tmp_path)
    with Image.open(tmp_path / "page.jpg") as shown:
        corner = shown.crop((shown.width * 3 // 4, 0, shown.width, shown.height // 4))
        assert min(corner.convert("L").tobytes()) < 100
        assert min(shown.crop((0, 0, shown.width // 2, shown.height)).convert("L").tobytes()) > 200


def test_a_large_sheet_is_shown_coarser(tmp_path: Path) -> None:
    Image.new("L", (3000, 4000), 255).save(tmp_path / "a.png", dpi=(90, 90))
    picture.run(ORDER | {"media_type": "image/png", "dpi": 600}, [tmp_path / "a.png"], tmp_path)
    wide, high = size(tmp_path / "page.jpg")
    assert wide * high <= 1.01 * picture.MOST_PIXELS


def test_the_box_makes_it_and_the_store_keeps_it(tmp_path: Path, database: Database) -> None:
    born_digital(tmp_path / "a.pdf", 2)
    blobs, box = Blobs(tmp_path / "blobs"), Box(BoxSettings())
    original = blobs.add_file(tmp_path / "a.pdf", "a.pdf", "application/pdf")
    with database.transaction() as tx:
        add_page_reads(tx, "amt", original.sha256, "tesserocr", [(1, "c" * 64, 0.1)])
    made = page_image(database, blobs, box, "amt", original, 1, 450, tmp_path)
    assert size(blobs.path(made.sha256))[0] == pytest.approx(2339, abs=2)
    (tmp_path / "a.pdf").unlink()
    box.page_image = lambda *_: pytest.fail("made twice")  # type: ignore[method-assign]
    assert page_image(database, blobs, box, "amt", original, 1, 90, tmp_path) == made
    with database.read() as conn:
        assert newest_page_reads(conn, "amt", original.sha256) == {1: "c" * 64}  # a picture is no reading
        spoken = {row.chunk for row in conn.execute(select(page_reads))}
    assert spoken == {"c" * 64, made.sha256}  # verify finds these bytes spoken of


def test_a_page_that_is_not_there_is_the_input_s_fault(tmp_path: Path) -> None:
    born_digital(tmp_path / "a.pdf", 3)
    box = Box(BoxSettings())
    with pytest.raises(InputError):
        box.page_image(tmp_path / "a.pdf", "application/pdf", 9, 0, tmp_path)
    with pytest.raises(ValueError, match="turned by 45"):
        box.page_image(tmp_path / "a.pdf", "application/pdf", 1, 45, tmp_path)
