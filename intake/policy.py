"""May this document be filed without a person? The answer and its reason, for auditors to read. Pure.

Nothing is filed without a person, with two exceptions that a tenant must switch on. The first (`own_reference`) rests on hard
evidence: a document that carries exactly one own Aktenzeichen, in its reference zone, goes into the Akte that bears it. All
of these must hold:

1. the rule is switched on for the tenant;
2. over the whole document exactly one own Aktenzeichen was read (a second one anywhere is a doubt);
3. it stands in the reference zone (`rule:reference-zone@1`), not only in running text;
4. it was read legibly (no character of it below the threshold `LEGIBLE`);
5. an Akte has exactly this Aktenzeichen (normalised, never corrected), and the Akte is not closed (zdA);
6. the Akte lies under an open entry of the plan that is not restricted;
7. the document itself is not of a restricted access class, and nothing in it asks for a higher one;
8. every page was read without a warning, and there is text at all;
9. no cut around it or in it is doubtful (`Cut.doubtful`);
10. nothing else is proposed with more confidence: the first proposals of `file` and `entry` are that Akte and its entry;
11. everything else that is printed lets it be this Akte with a probability of at least `SURE`: one misread digit makes the
    Aktenzeichen of another Akte, and what was read only similarly (`reference:similar`) is never filed without a person.

The second (`automatic`) rests on numbers: the best proposal is filed when its probability reaches a threshold at which an
error budget is proven to be kept (`intake.budget`), when 6 to 9 above hold for it, and when the blind audit does not draw it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from intake.budget import Standing, is_audited, thresholds
from intake.keys import reference_key
from intake.vocabulary import AktenplanEntry, Cut, File, Page, Proposal

OWN_REFERENCE = "rule:own_reference@1"
REFERENCE_ZONE = "rule:reference-zone@1"
PERSON = "policy:person@1"
BUDGET = "policy:budget@1"
OPEN_CLASSES = frozenset({"allgemein", "Poststelle", ""})
SURE = 0.90
SIMILAR, THREAD_ONLY = "reference:similar", "thread:only"
"""Checks of a proposed Akte (resolve.akte) that a person must look at."""
LEGIBLE = 0.80
"""Least confidence of the proposal `file_reference`; `extract.references` scales it by the least legible word."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`automatic`: file it now. `by` is the rule that allows it or asks for a person; `why` is a German sentence.

    `audit`: a clerk decides without seeing the proposed place. `would`: it would have been filed but for the audit.
    """

    automatic: bool
    by: str
    why: str
    audit: bool = False
    would: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """The place that would be taken without a person: an entry, in it an Akte ("" = a new one), how sure, by which model.

    `doubt`: a German sentence why this one needs a person, however sure; "" when nothing speaks against it.
    """

    entry: str
    file: str
    probability: float
    by: str
    doubt: str = ""


def decide(
    proposals: Sequence[Proposal], pages: Sequence[Page], *, own_reference: bool, files: Mapping[str, File],
    entries: Mapping[str, AktenplanEntry], access_class: str, open_classes: Collection[str] = OPEN_CLASSES,
    cut: Cut | None = None,
) -> Verdict:
    """The verdict on one document. `files` by normalised Aktenzeichen, `entries` the open ones by id.

    `access_class` is the document's; `open_classes` are those in which filing without a person is allowed; `cut` how it was cut.
    """
    if cut is not None and cut.doubtful:
        return _person(" ".join(("Ob das Schriftstück richtig geschnitten ist, ist unsicher.", *cut.marks[:1])))
    if not own_reference:
        return _person("Für diesen Mandanten wird nichts ohne Prüfung abgelegt.")
    found = {reference_key(one.value): one for one in proposals if one.field == "file_reference"}
    if not found:
        return _person("Es wurde kein eigenes Aktenzeichen gefunden.")
    if len(found) > 1:
        names = ", ".join(sorted(one.value for one in found.values()))
        return _person(f"Es wurden mehrere eigene Aktenzeichen gefunden ({names}).")
    key, reference = next(iter(found.items()))
    doubt = _doubt_of_reference(reference) or _doubt_of_file(files.get(key), reference.value, entries, open_classes)
    doubt = doubt or _doubt_of_class(proposals, access_class, open_classes) or _doubt_of_pages(pages)
    doubt = doubt or _doubt_of_others(proposals, files[key])
    if doubt:
        return _person(doubt)
    return Verdict(True, OWN_REFERENCE, f"Das eigene Aktenzeichen {files[key].reference} steht als einziges in der "
                                        "Bezugszeichenzone, und die Akte ist bekannt und offen.")


def _person(why: str) -> Verdict:
    return Verdict(False, PERSON, why)


def _doubt_of_reference(reference: Proposal) -> str:
    if not any(place.by == REFERENCE_ZONE for place in reference.evidence):
        return f"Das Aktenzeichen {reference.value} steht nur im Text, nicht in der Bezugszeichenzone."
    if reference.confidence < LEGIBLE:
        return f"Das Aktenzeichen {reference.value} war nicht sicher zu lesen."
    return ""


def _doubt_of_file(
    file: File | None, reference: str, entries: Mapping[str, AktenplanEntry], open_classes: Collection[str],
) -> str:
    if file is None:
        return f"Eine Akte mit dem Aktenzeichen {reference} ist nicht bekannt."
    if file.closed_on is not None:
        return f"Die Akte {file.reference} ist seit {file.closed_on:%d.%m.%Y} geschlossen."
    entry = entries.get(file.entry)
    if entry is None:
        return f"Die Akte {file.reference} liegt unter einem Eintrag, den der Aktenplan nicht mehr führt."
    if entry.access_class not in open_classes:
        return f"Die Akte {file.reference} gehört zur Zugriffsklasse „{entry.access_class}“."
    return ""


def _doubt_of_class(proposals: Sequence[Proposal], access_class: str, open_classes: Collection[str]) -> str:
    if access_class not in open_classes:
        return f"Das Schriftstück hat die Zugriffsklasse „{access_class}“."
    raised = next((one for one in proposals if one.field == "access_class" and one.value not in open_classes), None)
    if raised:
        return f"Im Anschriftfeld steht „{raised.evidence[0].text}“; das Schriftstück ist vertraulich zu behandeln."
    return ""


def _doubt_of_pages(pages: Sequence[Page]) -> str:
    for number, page in enumerate(pages, start=1):
        if page.warnings:
            return f"Seite {number} wurde nur mit Vorbehalt gelesen ({', '.join(page.warnings)})."
    if not any(page.text.strip() or page.words for page in pages):
        return "Auf den Seiten wurde kein Text gefunden."
    return ""


def _doubt_of_others(proposals: Sequence[Proposal], file: File) -> str:
    for name, wanted in (("file", file.id), ("entry", file.entry)):
        first = max((one for one in proposals if one.field == name), key=lambda one: one.confidence, default=None)
        if first is None or first.value != wanted:
            return f"Andere Merkmale sprechen gegen die Akte {file.reference}."
        if name == "file" and (first.confidence < SURE or SIMILAR in first.checks):
            return f"Ob die Akte {file.reference} gemeint ist, ist nicht sicher genug: außer dem Zeichen spricht zu wenig dafür."
    return ""


# ---- by the error budget ---------------------------------------------------------------------------------------------


def candidate(
    proposals: Sequence[Proposal], pages: Sequence[Page], *, file: File | None, entries: Mapping[str, AktenplanEntry],
    access_class: str, attached: bool = False, open_classes: Collection[str] = OPEN_CLASSES, cut: Cut | None = None,
) -> Candidate | None:
    """The best place with what speaks against taking it unseen; None when no entry of the plan is proposed.

    Arguments as in `decide`; `file`: the Akte that `proposed_file` names; `attached`: the document is an Anlage, which follows
    its main document.
    """
    first, named, new = _first(proposals, "entry"), proposed_file(proposals), _first(proposals, "new_file")
    if first is None:
        return None
    where = _first(proposals, "file") if named else new
    sure = min(first.confidence, where.confidence) if where else first.confidence
    doubt = _doubt_of_entry(first.value, entries, open_classes) or _doubt_of_class(proposals, access_class, open_classes)
    doubt = doubt or _doubt_of_pages(pages)
    if cut is not None and cut.doubtful:
        doubt = doubt or "Ob das Schriftstück richtig geschnitten ist, ist unsicher."
    if attached:
        doubt = doubt or "Eine Anlage folgt ihrem Hauptschriftstück."
    if named and (file is None or file.closed_on is not None or file.entry != first.value):
        doubt = doubt or "Aktenplaneintrag und Akte passen nicht zusammen."
    if named and where is not None and THREAD_ONLY in where.checks:
        doubt = doubt or "Für die Akte spricht nur eine frühere Nachricht; ob es noch dieselbe Sache ist, muss ein Mensch sagen."
    if named and where is not None and SIMILAR in where.checks:
        doubt = doubt or "Das Aktenzeichen wurde nur ähnlich gelesen."
    return Candidate(first.value, named, sure, first.evidence[0].by, doubt)


def proposed_file(proposals: Sequence[Proposal]) -> str:
    """The id of the Akte that would be taken; "" when none is proposed or a new one is surer."""
    file, new = _first(proposals, "file"), _first(proposals, "new_file")
    return file.value if file and not (new and new.confidence > file.confidence) else ""


def decide_by_budget(found: Candidate, document: str, budget: float, standing: Standing) -> Verdict:
    """The verdict on a candidate of the document with this id, for a budget (share of errors) and what is earned so far."""
    if found.doubt:
        return _person(found.doubt)
    if found.probability < thresholds(budget)[-1]:
        return _person(f"Der Vorschlag ist zu unsicher ({percent(found.probability)}), um ihn ohne Prüfung abzulegen.")
    would = standing.threshold is not None and found.probability >= standing.threshold
    if is_audited(document, standing.audit):
        return Verdict(False, PERSON, "Stichprobe: bitte ohne Vorschlag entscheiden.", audit=True, would=would)
    if standing.threshold is None or not would:
        wanted = f"verlangt sind {percent(standing.threshold)}" if standing.threshold is not None else missing_line(standing)
        return _person(f"Der Vorschlag ist mit {percent(found.probability)} nicht sicher genug; {wanted}.")
    return Verdict(True, BUDGET, (
        f"Der Vorschlag ist zu {percent(found.probability)} sicher (verlangt: {percent(standing.threshold)}). Von "
        f"{standing.tally.reviewed} solchen, die blind geprüft wurden, waren {standing.tally.wrong} falsch; mit 95 % Sicherheit "
        f"sind es höchstens {percent(standing.bound)} (erlaubt: {percent(budget)})."), would=True)


def missing_line(standing: Standing) -> str:
    """What is still needed before anything is filed without a person, as part of a German sentence."""
    return f"noch {standing.missing} blind geprüfte Schriftstücke ohne Fehler" if standing.missing else "es fehlt nichts mehr"


def percent(share: float) -> str:
    """0.0125 -> "1,3 %"."""
    return f"{100 * share:.1f}".rstrip("0").rstrip(".").replace(".", ",") + " %"


def _first(proposals: Sequence[Proposal], name: str) -> Proposal | None:
    return max((one for one in proposals if one.field == name), key=lambda one: one.confidence, default=None)


def _doubt_of_entry(name: str, entries: Mapping[str, AktenplanEntry], open_classes: Collection[str]) -> str:
    entry = entries.get(name)
    if entry is None:
        return "Den vorgeschlagenen Eintrag führt der Aktenplan nicht mehr."
    if entry.access_class not in open_classes:
        return f"{entry.notation} „{entry.title}“ gehört zur Zugriffsklasse „{entry.access_class}“."
    if any(other.parent == name for other in entries.values()):
        return f"{entry.notation} „{entry.title}“ ist ein Zweig; wo darunter, muss ein Mensch sagen."
    return ""
