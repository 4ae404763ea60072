"""HTML of strangers as pages: tables and own pictures are shown, nothing is asked for from outside, nothing runs."""

from __future__ import annotations

import base64
import io
import socket
from email.message import EmailMessage
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

from intake.box.inside import mail, mailpage
from intake.box.inside.mailpage import Allowance
from intake.box.inside.message import Letter
from intake.box.inside.unpack import Limits, Parts

LIMITS = Limits(max_pages=100, max_parts=40, max_depth=4, max_megapixels=50)
TABLE = "<table><tr><th>Flurstück</th><th>Fläche</th></tr><tr><td>12/3</td><td>845 m²</td></tr></table>"


def picture(size: tuple[int, int] = (300, 200)) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(file, "PNG")
    return file.getvalue()


def drawn(html: str, tmp_path: Path, pictures: dict[str, bytes] | None = None, left: Allowance | None = None) -> str | None:
    """The words of the pages; None where the text was taken."""
    found = Letter({"From": "e@example.org"}, text=["x"], html={0: html})
    target = tmp_path / "m.pdf"
    target.unlink(missing_ok=True)
    if not mailpage.pdf_of(found, ["Von: e@example.org"], pictures or {}, target, left or Allowance()):
        assert not target.exists()
        return None
    with pypdfium2.PdfDocument(target) as pdf:
        return "\f".join(page.get_textpage().get_text_bounded() for page in pdf)


def test_a_table_is_drawn_plain_words_are_not(tmp_path: Path) -> None:
    words = drawn(f"<p>Grüße</p>{TABLE}", tmp_path)
    assert words is not None and words.startswith("Von: e@example.org")
    assert "845 m²" in words
    for plain in ("<p>Guten <b>Tag</b></p>", "<table><tr><td><p>nur</p></td></tr><tr><td>gesetzt</td></tr></table>", ""):
        assert drawn(plain, tmp_path) is None


def test_the_page_of_a_mail_replaces_its_text(tmp_path: Path) -> None:
    made = EmailMessage()
    made["From"], made["Subject"] = "e@example.org", "Fotos"
    made.set_content("Siehe Bild")
    made.add_alternative('<p>Siehe Bild</p><img src="cid:bild@1">', subtype="html")
    made.get_payload()[1].add_related(picture(), "image", "png", cid="<bild@1>")
    parts = Parts(tmp_path, LIMITS)
    mail.unpack(made.as_bytes(), parts)
    first = parts.found[0]
    assert (first["name"], first["media_type"], first["pages"], first["problem"]) == ("Nachricht.pdf", "application/pdf", 1, None)
    with pypdfium2.PdfDocument(tmp_path / "p0") as pdf:
        assert [found.type for found in pdf[0].get_objects()].count(pypdfium2.raw.FPDF_PAGEOBJ_IMAGE) == 1


@pytest.mark.parametrize("decoration", [picture((1, 1)), b"kein Bild", b""])
def test_a_picture_that_shows_nothing_is_no_reason_to_draw(tmp_path: Path, decoration: bytes) -> None:
    assert drawn('<p>Text</p><img src="cid:a">', tmp_path, {"a": decoration}) is None


def test_nothing_is_fetched_and_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "geheim.txt"
    secret.write_text("GEHEIM")
    refused: list[str] = []
    made = mailpage._OwnParts.__init__

    def watched(self: mailpage._OwnParts, pictures: dict[str, bytes]) -> None:
        made(self, pictures)
        self.refused = refused
    monkeypatch.setattr(mailpage._OwnParts, "__init__", watched)
    svg = base64.b64encode(b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>').decode()
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.3)
        there = f"http://127.0.0.1:{canary.getsockname()[1]}"
        words = drawn(
            f'<html><head><base href="{there}/"><link rel=stylesheet href="{there}/a.css"><style>@import "{there}/b.css"; '
            f'p {{ background: url({there}/c.png) }}</style><meta http-equiv=refresh content="0;url={there}"></head><body '
            f'background="{there}/d.png"><p style="background:url({there}/e.png)">Text</p><img src="{there}/zaehl.gif" width=1>'
            f'<img src="relativ.png"><img src="file://{secret}"><img src="cid:../../{secret}"><img src="data:text/html,<b>x">'
            f'<img src="data:image/svg+xml;base64,{svg}"><svg><image href="{there}/f"/><script>alert("JA")</script></svg>'
            f'<iframe src="{there}/g"></iframe><object data="{there}/h"></object><embed src="{there}/i"><video src="{there}/j">'
            f'</video><script>document.write("JA")</script>{TABLE}</body></html>', tmp_path)
        assert words is not None and "845 m²" in words
        assert "JA" not in words and "GEHEIM" not in words
        with pytest.raises(TimeoutError):
            canary.accept()
    assert not [one for one in refused if not one.startswith(("cid:", "data:"))]
    assert b"JavaScript" not in (tmp_path / "m.pdf").read_bytes()


@pytest.mark.parametrize("html", [
    TABLE * 600, f"{'<div>' * 200}{TABLE}", f"<p>{'x ' * 200_000}</p>{TABLE}", f"{'<table><tr><td>' * 80}{TABLE}",
])
def test_what_would_take_too_long_keeps_its_text(tmp_path: Path, html: str) -> None:
    assert drawn(html, tmp_path) is None


def test_drawing_stops_when_the_allowance_is_used_up(tmp_path: Path) -> None:
    left = Allowance(0.3)
    assert drawn(f"{TABLE}<p>{'Wort ' * 20_000}</p>", tmp_path, left=left) is None
    assert left.seconds < mailpage.LEAST_SECONDS and drawn(TABLE, tmp_path, left=left) is None
