"""The jobs that run inside the box: the only parsers of foreign bytes. Nothing here is imported by the service itself.

Every job is one function with one signature: `run(order: dict, inputs: list[Path], out: Path) -> dict`. It reads the
files /in/0, /in/1 ..., writes files directly into `out` (names of small letters, digits, `.`, `_`, `-`) and returns
what becomes result.json. It raises InputError (reason, detail; the sentence is the parent's) when the input is the trouble;
whatever else it raises counts as a death of the box.
"""
