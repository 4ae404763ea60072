"""Filing learnt, beside the leading peer's classifier: python -m tests.bench.filing [side budget few kinds plan cost].

side:   routing, learnt before 2023, tested on 2023: ours, TF-IDF with a linear SVM, and a replica of the peer's classifier
        (CountVectorizer words and pairs, min_df 0.01, MLPClassifier tol 0.01); all papers and incoming ones.
budget: budget of 5 %, test years 2019 to 2023, everything earlier to learn from.
few:    five examples a label, routing and citizens' posts.   kinds: 5-fold.   plan: product plan without examples.
cost:   texts of 5,000 characters: forecast, one correction, size; `cost 50000` retrains on so many (minutes).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.neural_network import MLPClassifier

from classifiers.artefacts import save
from classifiers.evaluate import fewshot, filing, plan
from classifiers.evaluate.fewshot import vector_machine
from classifiers.evaluate.measures import Fields, accuracy, macro_f1, margin, peak_mib, read_rows
from classifiers.linear import Example, Ranked, train

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ROUTING = DATA / "council_routing" / "routing.jsonl.gz"
FIELDS = Fields(("title", "text_masked"), "department", "date")
Forecast = Callable[[Sequence[Example], Sequence[Example]], list[Ranked]]


def peer(learn: Sequence[Example], test: Sequence[Example]) -> list[Ranked]:
    """The leading peer's classifier, rebuilt: counts of words and pairs of one document in a hundred, a small network."""
    counter = CountVectorizer(analyzer="word", ngram_range=(1, 2), min_df=0.01)
    rows = counter.fit_transform([f"{one.title} {one.text}" for one in learn])
    machine = MLPClassifier(tol=0.01, random_state=0).fit(rows, [one.label for one in learn])
    found = machine.predict(counter.transform([f"{one.title} {one.text}" for one in test]))
    return [Ranked((str(label),), (1.0,), 0.0) for label in found]


def ours(learn: Sequence[Example], test: Sequence[Example]) -> list[Ranked]:
    return train(learn, entries=filing.named(learn)).predict(test)


def side() -> None:
    rows = read_rows(ROUTING)
    learn = [FIELDS.example(row) for row in rows if row["year"] < "2023"]
    late = [row for row in rows if row["year"] == "2023"]
    test = [FIELDS.example(row) for row in late]
    incoming = [at for at, row in enumerate(late) if row["source"] == "incoming"]
    makers: tuple[tuple[str, Forecast], ...] = (("ours", ours), ("TF-IDF + SVM", vector_machine), ("peer's network", peer))
    for name, make in makers:
        begun = time.process_time()
        ranked = make(learn, test)
        for what, places in (("all", range(len(test))), ("incoming", incoming)):
            truth, found = [test[at].label for at in places], [ranked[at] for at in places]
            print(f"{name:15} {what:9} accuracy {accuracy(truth, found):.3f}  macro F1 {macro_f1(truth, found):.3f}  "
                  f"top-3 {accuracy(truth, found, 3):.3f}  ({time.process_time() - begun:.0f} s CPU)")


def budget() -> None:
    rows = [(row["year"], FIELDS.example(row)) for row in read_rows(ROUTING)]
    filed = wrong = 0.0
    coverages, oracles = [], []
    for year in range(2019, 2024):
        learn, test = [one for at, one in rows if int(at) < year], [one for at, one in rows if int(at) == year]
        found = filing.measure(learn, test)
        one = found["budget"]
        auto = round(one["coverage"] * len(test))
        filed, wrong = filed + auto, wrong + one["error"] * auto
        coverages.append(one["coverage"])
        oracles.append(one["oracle"])
        print(f"{year}: filed {one['coverage']:.3f} (oracle {one['oracle']:.3f}), wrong {one['error']:.3f} of {auto} "
              f"(allowed by chance {0.05 + margin(0.05, auto):.3f}); accuracy {found['accuracy']:.3f}, "
              f"ECE {found['ece']:.3f} ({found['ece_by_chance']:.3f} by chance alone)", flush=True)
    mean, best = sum(coverages) / 5, sum(oracles) / 5
    print(f"pooled error {wrong / max(1, filed):.4f}, mean coverage {mean:.3f} = {mean / best:.2f} of the oracle's")


def few() -> None:
    rows = read_rows(ROUTING)
    learn, test = ([FIELDS.example(row) for row in rows if (row["year"] == "2023") == late] for late in (False, True))
    print("routing", json.dumps(fewshot.measure(learn, test, 5)))
    posts = [Fields(("title", "text"), "main").example(row) for row in read_rows(DATA / "citizen_posts" / "bonn.jsonl.gz")]
    print("posts  ", json.dumps(fewshot.measure(posts, posts, 5)))


def kinds() -> None:
    fields = Fields(("title", "text"), "kind")
    found = filing.crossed([fields.example(row) for row in read_rows(DATA / "council_routing" / "kinds.jsonl.gz")])
    print({name: value for name, value in found.items() if name != "predictions"})


def product_plan() -> None:
    folder = DATA / "produktplan_bw"
    fields = Fields(("text",), "label")
    print(plan.measure(plan.read_entries(folder / "produktplan.csv"),
                       [fields.example(row) for row in read_rows(folder / "products.jsonl")]))


def cost(count: int = 0) -> None:
    rows = [FIELDS.example(row) for row in read_rows(ROUTING)]
    filler = " ".join(one.text for one in rows[:50])
    long = [Example((one.text + filler)[:5000], one.label, one.date, one.title) for one in rows]
    learn = [long[at % len(long)] for at in range(count)] if count else long[:2000]
    begun = time.process_time()
    model = train(learn)
    print(f"retrained on {len(learn)}: {time.process_time() - begun:.0f} s CPU, peak {peak_mib():.0f} MiB")
    begun = time.process_time()
    for one in long[-100:]:
        model.predict([one])
    print(f"forecast {10 * (time.process_time() - begun):.1f} ms a document")
    begun = time.process_time()
    for one in long[-20:]:
        model = model.learn(one)
    print(f"one correction {50 * (time.process_time() - begun):.1f} ms")
    with tempfile.TemporaryDirectory() as folder:
        stored = model.to_artefact()
        save(Path(folder) / "filing" / "1", stored.arrays, stored.meta, {})
        size = sum(path.stat().st_size for path in (Path(folder) / "filing" / "1").iterdir())
    print(f"model {size / 1e6:.1f} MB, {model.weights.nnz} weights")


def main(arguments: Sequence[str]) -> None:
    if not DATA.is_dir():
        print(f"left out, {DATA} is not there")
        return
    chosen = {"side": side, "budget": budget, "few": few, "kinds": kinds, "plan": product_plan, "cost": cost}
    if arguments[:1] == ["cost"]:
        cost(int(arguments[1]) if len(arguments) > 1 else 0)
        return
    for name in arguments or chosen:
        print(f"--- {name}")
        chosen[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
