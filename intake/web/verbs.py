"""From a form to a verb of `review`: what was typed becomes values and places, nothing else is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from intake import review
from intake.db.access import see_document, seen_proposals
from intake.db.core import Tx
from intake.db.desk import decided_at
from intake.db.documents import proposals_of
from intake.db.forecasts import PLACE, blind
from intake.errors import Refused, Stale
from intake.propose import first_choice
from intake.vocabulary import Box, Proposal, Viewer
from intake.web import fields
from intake.web.desk_view import NEW, Draft, place_chosen

VALUE, WHERE = "v.", "w."
"""Prefixes of a form's names: the value of a field, and where on the document it was clicked ("page x0 y0 x1 y1")."""


def draft_of(form: Mapping[str, str]) -> Draft:
    """What a form holds; fields it lacks are as they were."""
    values = {name.removeprefix(VALUE): value for name, value in form.items() if name.startswith(VALUE)}
    places = {name.removeprefix(WHERE): value for name, value in form.items() if name.startswith(WHERE) and value}
    return Draft(values, form.get("entry"), form.get("file"), form.get("case"), places,
                 form.get("urgent") == "ja" if "desk" in form else None)


def typed(tx: Tx, viewer: Viewer, id: str, draft: Draft) -> dict[str, str]:
    """The values of the draft that are not the proposed ones, as they are stored."""
    return _changed(seen_proposals(tx.connection, viewer, proposals_of(tx.connection, id)), draft)


def _changed(shown: Sequence[Proposal], draft: Draft) -> dict[str, str]:
    best = first_choice(shown)
    found = {name: fields.plain(name, text) for name, text in draft.values.items()
             if not fields.same(name, text, best.get(name, ""))}
    if draft.urgent is not None and draft.urgent != (best.get("urgent") == "ja"):
        found["urgent"] = "ja" if draft.urgent else ""
    return found


def keep(tx: Tx, viewer: Viewer, by: str, id: str, revision: int, draft: Draft, *, clicked: bool = False) -> int:
    """Save what was typed as the clerk's proposals (`clicked`: only what was taken from the page, with its place).

    Returns the revision. Raises as `review.correct`.
    """
    return _keep(tx, by, id, revision, draft, typed(tx, viewer, id, draft), clicked=clicked)


def _keep(tx: Tx, by: str, id: str, revision: int, draft: Draft, values: Mapping[str, str], *, clicked: bool) -> int:
    for name, value in values.items():
        place = draft.places.get(name, "")
        if place or not clicked:
            page, box = place_from(place)
            revision = review.correct(tx, id, revision, by, name, value, page, box)
    return revision


def keep_place(tx: Tx, viewer: Viewer, by: str, id: str, revision: int, draft: Draft) -> int:
    """Save the chosen plan entry and Akte as the clerk's proposals where they are not the proposed ones. Raises as `keep`."""
    document = see_document(tx.connection, viewer, id)
    shown = seen_proposals(tx.connection, viewer, proposals_of(tx.connection, id))
    before = place_chosen(tx.connection, viewer, document, shown, Draft())
    after = place_chosen(tx.connection, viewer, document, shown, draft)
    for name in ("entry", "file"):
        if after[name] != before[name]:
            revision = review.correct(tx, id, revision, by, name, after[name] if after[name] != NEW else "")
    return revision


def decide(tx: Tx, viewer: Viewer, by: str, id: str, revision: int, draft: Draft) -> int:
    """Approve under the values and the place of the draft; the new revision. Raises as `review.approve`."""
    document = see_document(tx.connection, viewer, id)
    if document.revision != revision:
        raise Stale("Das Schriftstück wurde inzwischen geändert. Ihre Eingaben stehen noch da; prüfen Sie die Unterschiede.")
    proposed = seen_proposals(tx.connection, viewer, proposals_of(tx.connection, id))
    values = _changed(proposed, draft)
    revision = _keep(tx, by, id, revision, draft, values, clicked=True)
    hidden = bool(blind(tx.connection, [id]))
    shown = [one for one in proposed
             if not hidden or one.field not in PLACE or one.evidence[0].by.startswith("clerk:")]
    chosen = place_chosen(tx.connection, viewer, document, shown, draft)
    if chosen["file"] == NEW:
        chosen["file"] = ""
    if not document.parent and not (chosen["entry"] or chosen["file"]):
        raise Refused("Es fehlt der Aktenplaneintrag oder die Akte. Wählen Sie eines von beiden.")
    return review.approve(tx, id, revision, by, {**values, **chosen} if chosen["entry"] or chosen["file"] else values,
                          viewer=viewer)


def place_from(text: str) -> tuple[int, Box | None]:
    """"2 0.1 0.2 0.3 0.25" -> page 2 and the box; "" -> (0, None). Raises Refused for anything else."""
    if not text.strip():
        return 0, None
    parts = text.split()
    try:
        page, edges = int(parts[0]), [min(max(float(part), 0.0), 1.0) for part in parts[1:]]
    except ValueError:
        edges, page = [], 0
    if page < 1 or len(edges) != 4:
        raise Refused("Die Stelle auf der Seite ist nicht zu verstehen. Klicken Sie das Wort noch einmal an.")
    return page, (edges[0], edges[1], edges[2], edges[3])


def take_back(tx: Tx, viewer: Viewer, by: str, id: str, decision: int) -> int:
    """Undo what was just decided, also when it was filed meanwhile: `decision` is the revision that deciding gave.

    Returns the new revision. Raises Stale when somebody decided anew since.
    """
    document = see_document(tx.connection, viewer, id)
    live = decided_at(tx.connection, id)
    if live is None or live[0] != decision:
        raise Stale("Dieses Schriftstück wurde inzwischen anders entschieden. Öffnen Sie es und sehen Sie nach.")
    return review.undo(tx, id, document.revision, by)
