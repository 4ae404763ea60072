"""/api/v1: everything the desk can do, at a named revision, refused in German sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from intake import review
from intake.db.documents import get_document, live_decision, proposals_of
from intake.db.tokens import new_token
from intake.schema import documents
from intake.vocabulary import DocumentState
from tests.desk_help import DOGS, DOGS_FREE, letter, propose, put_stack
from tests.web_help import TOWN, WebSite, web_site

Call = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    made = web_site(tmp_path_factory.mktemp("api") / "home")
    yield made
    made.db.close()


@pytest.fixture
def call(site: WebSite) -> Iterator[Call]:
    """Call the API as the post room does; afterwards nothing waits any more."""
    yield caller(site, "post")
    with site.db.transaction() as tx:
        tx.connection.execute(update(documents).values(state=DocumentState.SUPERSEDED.value))


def caller(site: WebSite, login: str) -> Call:
    with site.db.transaction() as tx:
        _, secret = new_token(tx, TOWN, "Skript", "", "admin", user=site.users[login])
    browser = site.browser()

    def go(method: str, path: str, match: int | None = None, /, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {secret}"} | ({"If-Match": f'"{match}"'} if match is not None else {})
        return browser.request(method, f"/api/v1{path}", headers=headers, json=body if method in ("POST", "PUT") else None)

    return go


def stack(site: WebSite, *cuts: int) -> list[str]:
    return put_stack(site.db, site.blobs, cuts or (1,))


def test_look_then_decide(site: WebSite, call: Call) -> None:
    (id,) = stack(site)
    (line,) = call("GET", "/documents").json()
    assert line["id"] == id and line["proposed"]["entry"] == {"value": DOGS, "probability": 0.95}
    seen = call("GET", f"/documents/{id[-8:]}")
    assert seen.headers["etag"] == '"2"' and seen.json()["proposals"][0]["evidence"][0]["box"]
    answer = call("PUT", f"/documents/{id}/decision", 2, values={"entry": DOGS_FREE, "title": "Befreiung"})
    assert answer.json() == {"revision": 3}
    with site.db.read() as conn:
        decision = live_decision(conn, id)
    assert decision and decision.by == "clerk:post"
    assert (decision.values["entry"], decision.values["title"]) == (DOGS_FREE, "Befreiung")
    assert call("DELETE", f"/documents/{id}/decision", 3).json() == {"revision": 4}
    with site.db.read() as conn:
        assert live_decision(conn, id) is None


def test_without_or_with_an_old_revision_nothing_changes(site: WebSite, call: Call) -> None:
    (id,) = stack(site)
    answer = call("PUT", f"/documents/{id}/decision", values={})
    assert answer.status_code == 428 and "If-Match" in answer.json()["title"]
    assert answer.headers["content-type"] == "application/problem+json"
    answer = call("PUT", f"/documents/{id}/decision", 1, values={})
    assert answer.status_code == 412 and "inzwischen geändert" in answer.json()["title"]
    assert call("PUT", f"/documents/{id}/decision", values={}, revision=2).status_code == 200  # the field counts as well


def test_correcting_keeps_the_place(site: WebSite, call: Call) -> None:
    (id,) = stack(site)
    assert call("POST", f"/documents/{id}/proposals", 2, field="sender_name", value="Jo Muster", page=1,
                box=[0.1, 0.2, 0.3, 0.25]).status_code == 200
    with site.db.read() as conn:
        own = next(one for one in proposals_of(conn, id) if one.field == "sender_name")
    assert own.evidence[0].by == "clerk:post" and own.evidence[0].box == (0.1, 0.2, 0.3, 0.25)
    assert call("POST", f"/documents/{id}/proposals", 3, field="sender_name", value="x", page=9).status_code == 422
    assert call("POST", f"/documents/{id}/proposals", 3, field="Größe", value="x").status_code == 422


def test_pages_and_documents(site: WebSite, call: Call) -> None:
    first, second = stack(site, 3, 2)
    assert call("POST", f"/documents/{first}/rotations", 2, page=1, degrees=180).json() == {"revision": 3}
    assert call("PUT", f"/documents/{first}/order", 3, order=[3, 1, 2]).json() == {"revision": 4}
    made = call("POST", f"/documents/{first}/cuts", 4, before=[2]).json()["documents"]
    assert len(made) == 2
    for id in made:
        propose(site.db, id, letter())
    assert call("PUT", f"/documents/{made[1]}/parent", 2, parent=made[0]).status_code == 200
    assert call("PUT", f"/documents/{made[1]}/parent", 3, parent=None).status_code == 200
    joined = call("POST", "/documents/joins", documents=[{"id": made[0], "revision": 2}, {"id": made[1], "revision": 4}])
    with site.db.read() as conn:
        pages = get_document(conn, joined.json()["document"]).pages
    assert [ref.number for ref in pages] == [3, 1, 2] and pages[1].rotation == 180
    aside = call("POST", f"/documents/{second}/pages/aside", 2, page=2)
    assert aside.status_code == 200
    assert call("POST", f"/documents/{second}/pages/back", 3, part=0, number=5).status_code == 200
    late = [{"id": second, "revision": 1}, {"id": joined.json()["document"], "revision": 1}]
    assert call("POST", "/documents/joins", documents=late).status_code == 412


def test_questions_and_their_answers(site: WebSite, call: Call) -> None:
    first, second = stack(site, 1, 1)
    asked = call("POST", f"/documents/{first}/questions", 2, question="Wem gehört das?").json()["problem"]
    (problem,) = [one for one in call("GET", "/problems").json() if one["id"] == asked]
    assert problem["resolutions"] == ["close", "reject"]
    assert call("POST", f"/problems/{asked}/resolution", how="retry").status_code == 422
    assert call("POST", f"/problems/{asked}/resolution", how="close").status_code == 200
    assert call("POST", f"/problems/{asked}/resolution", how="close").status_code == 412
    assert call("POST", f"/documents/{second}/rejection", 2, why="Werbung").status_code == 200
    with site.db.read() as conn:
        assert get_document(conn, second).state is DocumentState.REJECTED


def test_what_one_may_not_see_is_not_there(site: WebSite, call: Call) -> None:
    (hidden,) = put_stack(site.db, site.blobs, [1], access_class="Jugend")
    for method, path, body in (("GET", f"/documents/{hidden}", {}), ("GET", f"/documents/{hidden}/pages/1/preview", {}),
                               ("GET", f"/documents/{hidden}/pages/1/words", {}),
                               ("PUT", f"/documents/{hidden}/decision", {"values": {}, "revision": 2}),
                               ("POST", f"/documents/{hidden}/cuts", {"before": [2], "revision": 2})):
        assert call(method, path, **body).status_code == 404, path
    assert call("GET", "/documents").json() == []
    assert caller(site, "leitung")("PUT", f"/documents/{hidden}/decision", 2, values={}).status_code == 403


def test_pictures_and_search(site: WebSite, call: Call) -> None:
    (id,) = stack(site)
    assert call("GET", f"/documents/{id}/pages/1/preview").content.startswith(b"\xff\xd8")
    assert call("GET", f"/documents/{id}/pages/1/words").json()["words"][0]["text"] == "Erika"
    assert call("GET", f"/documents/{id}/pages/2/words").status_code == 422
    assert call("GET", "/aktenplan?q=922.10").json()[0]["id"] == DOGS
    assert call("GET", "/files?q=Hunde").status_code == 200


def test_the_description_names_every_way(site: WebSite) -> None:
    """OpenAPI: every route of the API with a German or English sentence; an unknown field is refused."""
    paths = site.browser().get("/api/v1/openapi.json").json()["paths"]
    assert len(paths) > 20 and all(one.get("description") for path in paths.values() for one in path.values())
    (id,) = stack(site)
    assert caller(site, "post")("PUT", f"/documents/{id}/decision", 2, valeus={}).status_code == 422


def test_the_same_rules_as_on_the_screen(site: WebSite, call: Call) -> None:
    """A verb that is refused by `review` is refused here in the same words."""
    (id,) = stack(site)
    with site.db.transaction() as tx:
        review.approve(tx, id, 2, "andere")
    answer = call("POST", f"/documents/{id}/rotations", 3, page=1)
    assert answer.status_code == 422 and "ist freigegeben" in answer.json()["title"]
