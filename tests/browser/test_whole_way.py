"""From a scan dropped into the folder to the document in its Akte, at the desk by keyboard alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect
from sqlalchemy import select

from intake.db.documents import get_document
from intake.schema import deliveries, documents
from intake.vocabulary import DocumentState
from tests.browser.conftest import Live, Open

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "anfrage-hund.pdf"


def work(live: Live) -> None:
    """The worker, a process of its own, until it has nothing left to do."""
    done = subprocess.run([sys.executable, "-m", "intake.cli", "--home", str(live.site.home.root), "work", "--until-idle"],
                          check=False, capture_output=True, timeout=180)
    assert done.returncode in (0, 3), done.stderr  # 3: something that other tests left is tried again later


def test_from_the_folder_to_the_akte(live: Live, as_person: Open) -> None:
    shutil.copy(SAMPLE, live.site.home.root / "eingang" / "scanner" / SAMPLE.name)
    work(live)
    with live.site.db.read() as conn:
        id = conn.execute(select(documents.c.id).join(deliveries, deliveries.c.id == documents.c.delivery).where(
            deliveries.c.name == SAMPLE.name)).scalar_one()
    page = as_person("alles")
    page.goto(f"{live.url}/pruefen")
    page.keyboard.press("Enter")  # the focus rests on "Mit dem ältesten beginnen"
    expect(page.locator("#desk")).to_be_visible()
    if page.locator("#desk").get_attribute("data-document") != id:  # other tests left older ones
        page.goto(f"{live.url}/pruefen/{id}")
        expect(page.locator("#desk")).to_be_visible()
    page.wait_for_function("() => document.querySelector('#desk .sheet img').naturalWidth > 0")
    while page.evaluate("document.activeElement.id") != "ablegen":  # from doubt to doubt
        page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_function("id => document.querySelector('#desk')?.dataset.document !== id", arg=id)
    work(live)
    with live.site.db.read() as conn:
        assert get_document(conn, id).state is DocumentState.FILED
    page.goto(f"{live.url}/akten/blatt/{id}")
    expect(page.locator("h1")).to_contain_text("Abmeldung")
