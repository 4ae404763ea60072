"""„Akten“ and „Mein Eingang“: what is filed is found, read, passed on and sent back; nothing is shown that one may not see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from intake import review
from intake.db.akten import files_of_entry
from intake.db.documents import get_document, live_decision, move_document
from intake.db.filings import add_filing
from intake.db.incoming import notices_of
from intake.filing import filing_key, place_of
from intake.vocabulary import Blob, Decision, DocumentState, Filing, Proposal
from tests.desk_help import BUILDING, DOGS, letter, put_stack
from tests.web_help import TOWN, WebSite, web_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    made = web_site(tmp_path_factory.mktemp("akten") / "home")
    yield made
    made.db.close()


def filed(site: WebSite, entry: str = BUILDING, title: str = "Antrag auf Zaun", deadline: date | None = None,
          urgent: bool = False) -> str:
    """A document filed to the first Akte under `entry`, as the pipeline would."""
    proposals = [one for one in letter(title=title) if one.field not in ("new_file", "deadline")]
    if deadline:
        proposals.append(Proposal("deadline", deadline.isoformat(), 0.9, letter()[-1].evidence))
    (id,) = put_stack(site.db, site.blobs, [1], [proposals])
    with site.db.transaction() as tx:
        file = next(one for one in files_of_entry(tx.connection, TOWN, entry) if one.closed_on is None)
        said = {"file": file.id} | ({"urgent": "ja"} if urgent else {})
        review.approve(tx, id, 2, "post", said)
        decision = live_decision(tx.connection, id)
        assert isinstance(decision, Decision)
        place = place_of(tx.connection, TOWN, decision.values, tx.now.date())
        document = move_document(tx, get_document(tx.connection, id), DocumentState.FILED)
        assert place.file
        add_filing(tx, Filing(filing_key(decision), TOWN, id, place.entry, place.file, None, title, decision.values, tx.now,
                              Blob("a" * 64, "application/pdf", "a.pdf", 9), (), "2b", len(document.pages)))
    return id


def test_the_plan_an_akte_and_a_document(site: WebSite) -> None:
    id = filed(site)
    browser = site.as_("leitung")
    assert f"/akten/plan/{BUILDING}" in browser.look("/akten")
    with site.db.read() as conn:
        file = next(one for one in files_of_entry(conn, TOWN, BUILDING) if one.closed_on is None)
    assert file.id in browser.look(f"/akten/plan/{BUILDING}")
    assert "Antrag auf Zaun" in browser.look(f"/akten/{file.id}")
    shown = browser.look(f"/akten/blatt/{id}?q=Zaun")
    assert f"/seiten/{id}/1/vorschau" in shown and 'data-hits="Zaun"' in shown


def test_keeping_an_akte(site: WebSite) -> None:
    filed(site)
    with site.db.read() as conn:
        file = next(one for one in files_of_entry(conn, TOWN, BUILDING) if one.closed_on is None)
    browser = site.as_("leitung")
    assert browser.submit(f"/akten/{file.id}/vorgang", titel="Nachbarbeteiligung").status_code == 303
    assert browser.submit(f"/akten/{file.id}/titel", titel="Zaun am Heideweg").status_code == 303
    shown = browser.look(f"/akten/{file.id}")
    assert "Nachbarbeteiligung" in shown and "Zaun am Heideweg" in shown
    assert site.as_("revision").submit(f"/akten/{file.id}/titel", titel="x").status_code == 403


def test_a_search_shows_its_hits(site: WebSite) -> None:
    browser = site.as_("leitung")
    assert "Treffer" in browser.look("/akten?q=Zaun")
    assert browser.get("/akten?q=datum:31.31.2026", headers={"Accept": "text/html"}).status_code == 422


def test_new_read_noted_and_passed_on(site: WebSite) -> None:
    id = filed(site, title="Baulast am Heideweg", urgent=True)
    browser = site.as_("leitung")
    shown = browser.look("/eingang")
    assert "Baulast am Heideweg" in shown and "eilt" in shown
    assert browser.submit(f"/eingang/{id}/weiterleiten", an="Ordnungsamt", vermerk="Bitte Stellung nehmen").status_code == 303
    assert "Baulast am Heideweg" not in browser.look("/eingang")
    assert "Baulast am Heideweg" in browser.look("/eingang?zeige=gelesen")
    assert browser.submit(f"/eingang/{id}/kenntnis").status_code == 303
    assert browser.submit(f"/eingang/{id}/kenntnis").status_code == 303  # twice is once
    with site.db.read() as conn:
        assert [one.kind for one in notices_of(conn, [id])[id]] == ["forward", "read", "info"]
    assert browser.submit(f"/eingang/{id}/weiterleiten", an=" ").status_code == 422


def test_an_irrlaeufer_goes_back_to_the_desk_with_a_note(site: WebSite) -> None:
    id = filed(site, entry=DOGS, title="Gehört ins Standesamt")
    browser = site.as_("leitung")
    with site.db.read() as conn:
        revision = get_document(conn, id).revision
    assert browser.submit(f"/eingang/{id}/zurueck", revision=revision, vermerk=" ").status_code == 422
    assert browser.submit(f"/eingang/{id}/zurueck", revision=revision - 1, vermerk="Standesamt").status_code == 409
    assert browser.submit(f"/eingang/{id}/zurueck", revision=revision, vermerk="Gehört dem Standesamt").status_code == 303
    with site.db.read() as conn:
        assert get_document(conn, id).state is DocumentState.PROPOSED
    assert "Gehört dem Standesamt" in site.as_("post").look(f"/pruefen/{id}")
    assert "Gehört ins Standesamt" not in browser.look("/eingang?zeige=alle")


def test_fristen_of_the_next_days_with_their_place(site: WebSite) -> None:
    soon, late = date.today() + timedelta(days=5), date.today() + timedelta(days=50)
    filed(site, title="Bald fällig", deadline=soon)
    filed(site, title="Später fällig", deadline=late)
    shown = site.as_("leitung").look("/eingang/fristen")
    assert "Bald fällig" in shown and f"{soon:%d.%m.%Y}" in shown and "Später fällig" not in shown
    assert "15.11.2026" in shown  # the words it was read from


def test_another_office_sees_nothing_of_it(site: WebSite) -> None:
    id = filed(site, title="Nur für das Bauamt")
    stranger = site.as_("amt")
    assert "Nur für das Bauamt" not in stranger.look("/eingang?zeige=alle")
    for url in (f"/eingang/{id}", f"/akten/blatt/{id}", f"/seiten/{id}/1/vorschau"):
        assert stranger.get(url, headers={"Accept": "text/html"}).status_code == 422, url
    assert stranger.submit(f"/eingang/{id}/gelesen").status_code == 422
