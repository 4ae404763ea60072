"""Cold start of the filing plan against plain TF-IDF: python -m tests.bench.plan.

product plan: text of a product, the right product group among 104 known by title and aims only (issue: no examples).
letters: letters of samples/letters.py on TOPICS, the right entry of config/aktenplan.csv among 460.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer

from classifiers.plan import PlanRanker
from intake.aktenplan import link, read_plan
from intake.vocabulary import AktenplanEntry
from samples.letters import random_letter

HERE = Path(__file__).resolve().parents[2]
DATA = HERE.parent / "shared" / "data"
Ranked = Callable[[str, str], Sequence[str]]


def product_plan() -> tuple[list[AktenplanEntry], list[tuple[str, str, str]]]:
    """Areas and groups as a plan (title, description, aims), and (subject, text, right notation) of the products."""
    rows = list(csv.DictReader((DATA / "produktplan_bw" / "produktplan.csv").open(encoding="utf-8")))
    entries = [AktenplanEntry(row["nummer"], row["nummer"], row["titel"], description=f"{row['beschreibung']}\n{row['ziele']}")
               for row in rows if row["level"] in "12"]
    cases = []
    for line in (DATA / "produktplan_bw" / "products.jsonl").open(encoding="utf-8"):
        one = json.loads(line)
        subject, _, text = one["text"].partition("\n")
        cases.append((subject, text, one["label"]))
    return link(entries)[0], cases


def letters(count: int = 120) -> tuple[list[AktenplanEntry], list[tuple[str, str, str]]]:
    from samples.content import TOPICS

    entries, _ = read_plan(HERE / "config" / "aktenplan.csv")
    cases = []
    for seed in range(count):
        paper = random_letter(seed)
        text = "\n".join((*paper.sender, *paper.recipient, *paper.paragraphs, paper.signature))
        cases.append((paper.subject, text, TOPICS[seed % len(TOPICS)].notation))
    return list(entries), cases


def baseline(entries: Sequence[AktenplanEntry]) -> Ranked:
    """Plain TF-IDF cosine on titles."""
    model = TfidfVectorizer(sublinear_tf=True)
    matrix = model.fit_transform([entry.title for entry in entries])

    def rank(subject: str, text: str) -> Sequence[str]:
        scores = (matrix @ model.transform([f"{subject} {text}"]).T).toarray().ravel()
        return [entries[row].notation for row in (-scores).argsort(kind="stable")[:5] if scores[row] > 0]

    return rank


def ours(entries: Sequence[AktenplanEntry]) -> Ranked:
    ranker = PlanRanker(entries)
    return lambda subject, text: [entry.notation for entry, _ in ranker.rank_text(text, subject)]


def measure(name: str, entries: Sequence[AktenplanEntry], cases: Sequence[tuple[str, str, str]], allowed: set[str]) -> None:
    for label, build in (("TF-IDF titles", baseline), ("plan words", ours)):
        begun = time.process_time()
        rank = build([entry for entry in entries if not allowed or entry.notation in allowed] if label[0] == "T" else entries)
        built = time.process_time() - begun
        begun = time.process_time()
        top1 = top5 = 0
        for subject, text, right in cases:
            answer = [one for one in rank(subject, text) if not allowed or one in allowed]
            top1 += answer[:1] == [right]
            top5 += right in answer[:5]
        each = (time.process_time() - begun) / len(cases)
        print(f"{name:13} {label:14} top-1 {top1 / len(cases):.3f}  top-5 {top5 / len(cases):.3f}  "
              f"({len(cases)} texts, {len(entries)} entries; build {built:.2f} s, {1000 * each:.2f} ms a text)")


def main() -> None:
    if DATA.is_dir():
        entries, cases = product_plan()
        measure("product plan", entries, cases, {right for _, _, right in cases})
    else:
        print(f"product plan: left out, {DATA} is not there")
    measure("letters", *letters(), set())


if __name__ == "__main__":
    main()
