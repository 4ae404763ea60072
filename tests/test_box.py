"""The box: it holds, it ends, it says who must act, and what comes out of it is checked."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.box import QUARANTINED, SENTENCES, Box, ReadOrder, bwrap, mending, reader_version, recheck
from intake.box.inside import canary
from intake.box.sentences import DIED
from intake.config import BoxSettings
from intake.errors import BoxDied, ConfigError, InputError, Reason, ServiceError

MAIN = "import sys; sys.path[:0] = sys.argv[1:]; from intake.box.inside.__main__ import set_limits; "
SMALL = {"memory_mib": 256, "cpu_seconds": 5, "wall_seconds": 20, "output_mib": 16}


@pytest.fixture
def box() -> Box:
    return Box(BoxSettings(**SMALL))


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, box: Box, tmp_path: Path):
    """Run Python source instead of a job: what a parser that was taken over could do. Ends with the answer's folder."""
    def run(source: str, *, wall: float = 20, processes: bool = False, **limits: int) -> Path:
        monkeypatch.setattr(bwrap, "_START", "import json, os, sys, time; open('/out/started', 'w').close(); " + source)
        told = bwrap.Limits(**{**SMALL, "wall_seconds": wall, "processes": processes, **limits})
        return box._run("sniff", {}, (), tmp_path, told).out
    return run


ANSWER = ("open('/out/ending.json', 'w').write(json.dumps({'reason': None, 'detail': '', 'cpu_seconds': 0.5})); "
          "open('/out/result.json', 'w').write('{}')")


def alive(mark: str) -> list[int]:
    """Processes of this machine that were started with `mark` in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if process.pid != os.getpid() and mark in " ".join(process.info["cmdline"] or ()):
            found.append(process.pid)
    return found


def gone(mark: str, within: float = 2.0) -> bool:
    end = time.monotonic() + within
    while alive(mark) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(mark)


# ---- it holds --------------------------------------------------------------------------------------------------------


def test_every_escape_is_refused(box: Box, tmp_path: Path) -> None:
    answer = box._run("canary", {}, (), tmp_path, box._limits())
    tried = json.loads((answer.out / "result.json").read_text())
    assert len(tried) >= 14
    assert {name: outcome for name, outcome in tried.items() if not outcome.startswith("refused")} == {}


def test_the_canary_does_not_fly_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "ATTEMPTS", {"never": lambda: pytest.fail("ran outside the box")})
    with pytest.raises(RuntimeError):
        canary.run({}, [], tmp_path)
    (tmp_path / "started").touch()
    with pytest.raises(RuntimeError):
        canary.run({}, [], tmp_path)


def test_check_is_quiet_where_the_box_holds(box: Box) -> None:
    box.check()
    Box(BoxSettings(memory_mib=16_384)).check()  # a generous limit is no leak


def test_check_names_what_escaped(monkeypatch: pytest.MonkeyPatch, box: Box) -> None:
    monkeypatch.setattr(bwrap, "_START", "import json; open('/out/started', 'w').close(); " + ANSWER.replace(
        "'{}'", "json.dumps({'tcp': 'escaped', 'fork': 'refused'})"))
    with pytest.raises(ConfigError, match=r"tcp.*apt-get"):
        box.check()


def test_a_listener_of_this_machine_is_out_of_reach(child, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(BoxDied) as died:
            child(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)")
        assert "Operation not permitted" in died.value.detail
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()


def test_the_environment_stays_outside(monkeypatch: pytest.MonkeyPatch, child) -> None:
    monkeypatch.setenv("POSTSTELLE_SECRET", "geheim")
    out = child(ANSWER.replace("'{}'", "json.dumps(dict(os.environ))"))
    assert set(json.loads((out / "result.json").read_text())) <= {"PWD", "LC_CTYPE"}


def test_the_child_is_nobody_and_sees_no_stranger(child, tmp_path: Path) -> None:
    (tmp_path / "neighbour").write_text("geheim")
    look = ("json.dumps([os.getuid(), os.getgid(), os.path.exists('/proc'), os.path.exists(%r), "
            "sorted(os.listdir('/app/intake'))])")
    uid, gid, proc, neighbour, ours = json.loads((child(ANSWER.replace("'{}'", look % str(tmp_path / "neighbour")))
                                                  / "result.json").read_text())
    assert (uid, gid, proc, neighbour) == (65534, 65534, False, False)
    assert set(ours) <= {"__init__.py", "vocabulary.py", "errors.py", "ocr", "box"}


def test_the_input_cannot_be_written(box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_bytes(b"unchanged")
    monkeypatch.setattr(bwrap, "_START", "open('/out/started', 'w').close(); open('/in/0', 'wb')")
    with pytest.raises(BoxDied) as died:
        box._run("sniff", {}, (original,), tmp_path, box._limits())
    assert "Read-only" in died.value.detail
    assert original.read_bytes() == b"unchanged"


# ---- it ends ---------------------------------------------------------------------------------------------------------


def test_a_child_that_takes_too_long_is_killed(child, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(BoxDied) as died:
        child("time.sleep(60)", wall=1)
    assert died.value.reason is Reason.TIMEOUT
    assert time.monotonic() - began < 5
    assert gone(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_cpu_time_is_limited(child) -> None:
    with pytest.raises(BoxDied) as died:
        child(MAIN + "set_limits({'memory_mib': 256, 'cpu_seconds': 1, 'output_mib': 1})\nwhile True: pass")
    assert died.value.reason is Reason.TIMEOUT


def test_memory_is_limited(child) -> None:
    source = (MAIN + "set_limits({'memory_mib': 256, 'cpu_seconds': 5, 'output_mib': 1})\n"
              "try: bytearray(1 << 30)\nexcept MemoryError: sys.exit(77)")
    with pytest.raises(BoxDied) as died:
        child(source)
    assert died.value.reason is Reason.TIMEOUT


def test_one_file_cannot_grow_beyond_the_limit(child) -> None:
    source = (MAIN + "set_limits({'memory_mib': 256, 'cpu_seconds': 5, 'output_mib': 1})\n"
              "open('/out/x', 'wb').write(bytes(2 << 20))")
    with pytest.raises(BoxDied) as died:
        child(source)
    assert "File too large" in died.value.detail


def test_many_files_cannot_fill_the_disk(child, tmp_path: Path) -> None:
    with pytest.raises(BoxDied) as died:
        child("[(open(f'/out/{n}', 'wb').write(bytes(4 << 20)), time.sleep(0.2)) for n in range(99)]", output_mib=16)
    assert "output" in died.value.detail
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BoxDied) as died:
        child("os.makedirs('/out/a/b'); "
              "[(open(f'/out/a/b/{n}', 'wb').write(bytes(4 << 20)), time.sleep(0.2)) for n in range(99)]", output_mib=16)
    assert "output" in died.value.detail


def test_the_small_temporary_folder_is_small(child) -> None:
    with pytest.raises(BoxDied) as died:
        child("[open(f'/tmp/{n}', 'wb').write(bytes(64 << 20)) for n in range(20)]")
    assert "No space left" in died.value.detail


@pytest.mark.parametrize(("how", "reason"), [
    ("os.kill(os.getpid(), 11)", Reason.CRASHED), ("os.kill(os.getpid(), 9)", Reason.TIMEOUT), ("sys.exit(3)", Reason.CRASHED),
    ("os.abort()", Reason.TIMEOUT), ("print('malloc(): corrupted', flush=True); os.abort()", Reason.CRASHED),
    ("raise ValueError('parser')", Reason.CRASHED), ("pass", Reason.CRASHED),
])
def test_a_death_says_how(child, how: str, reason: Reason) -> None:
    with pytest.raises(BoxDied) as died:
        child(how)
    assert died.value.reason is reason
    assert str(died.value) in {*DIED.values(), str(recheck.nonsense(""))}


def test_what_it_says_is_capped_and_cleaned(child) -> None:
    with pytest.raises(BoxDied) as died:
        child("sys.stdout.write('x' * 300_000); sys.stdout.write('\\x1b[31m\\x00evil'); sys.stdout.flush(); sys.exit(1)")
    assert "\x1b" not in died.value.detail
    assert len(died.value.detail) < 3_000


def test_a_child_that_floods_its_output_does_not_hang_us(child) -> None:
    began = time.monotonic()
    with pytest.raises(BoxDied):
        child("[sys.stdout.write('x' * 65536) for _ in range(2000)]; sys.exit(1)")
    assert time.monotonic() - began < 15


def test_grandchildren_die_with_the_job(child, tmp_path: Path) -> None:
    mark = f"sleep-{os.getpid()}-{time.monotonic_ns()}"
    source = (f"import subprocess; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(50)', '{mark}'], "
              "start_new_session=True); time.sleep(0.3); ") + ANSWER
    child(source, processes=True)
    assert gone(mark)


def test_a_fork_bomb_ends_with_the_wall_clock(child, tmp_path: Path) -> None:
    with pytest.raises(BoxDied):
        child("time.sleep(0.1)\nfor _ in range(40):\n if os.fork() == 0: time.sleep(60)\ntime.sleep(60)", wall=1, processes=True)
    assert gone(str(tmp_path))


def test_no_process_can_be_started_where_none_is_needed(child) -> None:
    with pytest.raises(BoxDied) as died:
        child("os.fork()")
    assert "Operation not permitted" in died.value.detail
    with pytest.raises(BoxDied) as died:
        child("import subprocess; subprocess.run(['/bin/true'])")
    assert "Operation not permitted" in died.value.detail
    out = child("import threading; t = threading.Thread(target=print); t.start(); t.join(); " + ANSWER)
    assert (out / "result.json").exists()


def test_no_child_outlives_a_killed_parent(tmp_path: Path) -> None:
    source = (
        "import sys; from pathlib import Path; from intake.box import Box, bwrap; from intake.config import BoxSettings\n"
        "bwrap._START = \"import time; open('/out/started', 'w').close(); time.sleep(60)\"\n"
        "box = Box(BoxSettings()); box._run('sniff', {}, (), Path(sys.argv[1]), box._limits())")
    parent = subprocess.Popen([sys.executable, "-c", source, str(tmp_path)], cwd=Path(__file__).resolve().parents[1])
    end = time.monotonic() + 20
    while not list(tmp_path.glob("*/started")) and time.monotonic() < end:
        time.sleep(0.05)
    running = set(alive(str(tmp_path))) - {parent.pid}
    assert running
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(str(tmp_path))


def test_jobs_run_side_by_side(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "brief.txt"
    file.write_text("Sehr geehrte Damen und Herren")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: box.unpack(file, "brief.txt", tmp_path).parts[0].media_type, range(8)))
    assert found == ["text/plain"] * 8


def test_a_small_job_is_cheap(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "brief.txt"
    file.write_text("x y z")
    limits = box._limits()
    cost = min(box._run("sniff", {"name": "brief.txt"}, (file,), tmp_path, limits).cpu_seconds for _ in range(5))
    assert 0.001 < cost < 0.15


# ---- it says who must act --------------------------------------------------------------------------------------------


def test_every_reason_has_a_sentence_that_says_what_to_do() -> None:
    assert set(SENTENCES) == set(Reason)
    for sentence in SENTENCES.values():
        assert sentence.endswith(".")
        assert sentence.count(".") >= 1
        assert any(word in sentence for word in (" Sie ", "Bitten Sie", "Prüfen Sie", "Scannen "))
    assert set(Reason) > QUARANTINED


def test_what_needs_no_box_is_refused_at_once(box: Box, tmp_path: Path) -> None:
    empty, large, folder = tmp_path / "empty", tmp_path / "large", tmp_path / "folder"
    empty.touch()
    folder.mkdir()
    with large.open("wb") as file:
        file.truncate(3 << 20)
    small = Box(BoxSettings(max_file_mib=2))
    for path, reason in ((empty, Reason.EMPTY), (large, Reason.TOO_LARGE), (folder, Reason.UNREADABLE),
                         (tmp_path / "none", Reason.UNREADABLE)):
        with pytest.raises(InputError) as refused:
            small.unpack(path, path.name, tmp_path)
        assert refused.value.reason is reason
        assert str(refused.value) == SENTENCES[reason]


def test_without_bubblewrap_the_sentence_names_the_package(monkeypatch: pytest.MonkeyPatch, box: Box, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    bwrap._view.cache_clear()
    with pytest.raises(ConfigError, match="apt-get install bubblewrap"):
        box.check()
    assert list(tmp_path.iterdir()) == []


def test_a_sandbox_that_does_not_come_up_is_a_matter_of_the_operator(monkeypatch: pytest.MonkeyPatch, box: Box, tmp_path: Path,
                                                                     ) -> None:
    false = tmp_path / "bwrap"
    false.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    false.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    bwrap._view.cache_clear()
    try:
        with pytest.raises(ConfigError, match="Permission denied"):
            box.check()
    finally:
        bwrap._view.cache_clear()


@pytest.mark.parametrize(("marks", "mend"), [
    ({"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"}, "apparmor_parser -r /etc/apparmor.d/bwrap"),
    ({".dockerenv": ""}, "--security-opt seccomp=unconfined --security-opt apparmor=unconfined"),
    ({"run/.containerenv": ""}, "--security-opt seccomp=unconfined"),
    ({"proc/sys/kernel/unprivileged_userns_clone": "0"}, "kernel.unprivileged_userns_clone=1"),
    ({"proc/sys/user/max_user_namespaces": "0"}, "user.max_user_namespaces="),
    ({}, "--security-opt"),
])
def test_the_mending_line_fits_the_machine(tmp_path: Path, marks: dict[str, str], mend: str) -> None:
    for name, text in marks.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    error = mending.trouble("bwrap: No permissions to create new namespace, likely because ...", tmp_path)
    assert isinstance(error, ConfigError)
    assert mend in str(error)
    assert "No permissions" in str(error)


def test_an_old_bubblewrap_and_a_full_machine(tmp_path: Path) -> None:
    assert "0.8" in str(mending.trouble("bwrap: Unknown option --size", tmp_path))
    assert isinstance(mending.trouble("bwrap: Can't fork: Resource temporarily unavailable", tmp_path), ServiceError)


# ---- what comes out is checked ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("trick", [
    "os.symlink('/etc/passwd', '/out/result.json')", "os.mkdir('/out/result.json')", "os.mkfifo('/out/result.json')",
    "open('/out/y', 'w').close(); os.link('/out/y', '/out/result.json')",
])
def test_only_regular_files_are_taken(child, trick: str) -> None:
    ending = ANSWER.split("; ", maxsplit=1)[0]
    with pytest.raises(BoxDied) as died:
        child(f"{ending}; {trick}")
    assert died.value.reason is Reason.CRASHED


@pytest.mark.parametrize("answer", [
    "", "null", "[]", '{"parts": []}', '{"envelope": {}, "parts": 5}', '{"envelope": {"date": "gestern"}, "parts": []}',
    '{"envelope": {}, "parts": [{"position": -1, "parent": null, "name": "", "media_type": "", "pages": 1}]}',
    '{"envelope": {}, "parts": [{"position": 0, "parent": null, "name": "", "media_type": "", "pages": 1, "problem": "odd"}]}',
    '{"envelope": {"subject": "\\ud800"}, "parts": []}', "{" * 100_000,
])
def test_nonsense_is_a_death_of_the_box(tmp_path: Path, answer: str) -> None:
    (tmp_path / "result.json").write_text(answer)
    with pytest.raises(BoxDied):
        recheck.load(tmp_path / "result.json", recheck.RawUnpacked)


@pytest.mark.parametrize("part", [
    {"position": 0, "parent": None, "pages": 1, "problem": "damaged"}, {"position": 0, "parent": None, "pages": 0},
    {"position": 0, "parent": 0, "pages": 1}, {"position": 1, "parent": None, "pages": 1},
    {"position": 0, "parent": None, "pages": 10**6}, {"position": 0, "parent": None, "pages": 1, "file": "../../etc/passwd"},
    {"position": 0, "parent": None, "pages": 1, "file": "/etc/passwd"}, {"position": 0, "parent": None, "pages": 1, "file": "p0"},
])
def test_a_part_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, box: Box, tmp_path: Path,
                                          part: dict[str, object]) -> None:
    answer = json.dumps({"envelope": {}, "parts": [{"name": "x", "media_type": "application/pdf", **part}]})
    source = "import json; open('/out/started', 'w').close(); " + ANSWER.replace("'{}'", repr(answer))
    monkeypatch.setattr(bwrap, "_START", source)
    original = tmp_path / "x.pdf"
    original.write_bytes(b"%PDF")
    with pytest.raises(BoxDied):
        box.unpack(original, "x.pdf", tmp_path)


def test_refusals_carry_reason_and_detail(monkeypatch: pytest.MonkeyPatch, box: Box, tmp_path: Path) -> None:
    ending = json.dumps({"reason": "encrypted", "detail": "Kenn\x00wort\nnötig", "cpu_seconds": 0.1})
    source = f"open('/out/started', 'w').close(); open('/out/ending.json', 'w').write({ending!r})"
    monkeypatch.setattr(bwrap, "_START", source)
    original = tmp_path / "x.pdf"
    original.write_bytes(b"%PDF")
    with pytest.raises(InputError) as refused:
        box.unpack(original, "x.pdf", tmp_path)
    assert refused.value.reason is Reason.ENCRYPTED
    assert refused.value.detail == "Kenn wort nötig"


@given(st.text())
def test_shown_texts_have_no_control_characters(text: str) -> None:
    shown = recheck.display(text, 80)
    assert len(shown) <= 80
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u2066\u200f" for char in shown)
    assert recheck.display(shown, 80) == shown


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_control_characters_never_come_out_of_the_box(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("json") / "ending.json"
    path.write_text(json.dumps({"reason": None, "detail": text, "cpu_seconds": 1}))
    detail = recheck.load(path, recheck.RawEnding).detail
    assert not any((ord(char) < 32 and char not in "\n\t") or 0x7F <= ord(char) < 0xA0 for char in detail)
    kept = [char for char in text if ord(char) >= 32 and not 0x7F <= ord(char) < 0xA0 and char != " "]
    assert [char for char in detail if char not in " \n\t"] == [char for char in kept if char not in "\n\t"]


def test_the_reader_is_named_without_running_the_box() -> None:
    name = reader_version(ReadOrder())
    assert "tesserocr" in name
    assert len(name) <= 80
    assert reader_version(ReadOrder(dpi=200)) != name
    assert reader_version(ReadOrder(trust_text_layer="never")) != name
    assert Box.reader_version(ReadOrder()) == name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_unprivileged_user_can_run_the_box_and_is_bound_in_processes(tmp_path: Path) -> None:
    """RLIMIT_NPROC does not bind root; for everybody else a fork bomb stops at it."""
    python = Path("/usr/bin/python3")
    if not python.exists():
        pytest.skip("no system Python that another user may run")
    code = ("import os, resource; resource.setrlimit(resource.RLIMIT_NPROC, (30, 30)); n = 0\n"
            "try:\n  for _ in range(60):\n    if os.fork() == 0: import time; time.sleep(5); os._exit(0)\n    n += 1\n"
            "except OSError: print('stopped', n)")
    ended = subprocess.run(
        ["bwrap", "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--die-with-parent",
         "--cap-drop", "ALL", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
         "--tmpfs", "/tmp", str(python), "-I", "-c", code],
        user=65534, group=65534, extra_groups=[], cwd="/", env={"PATH": os.environ["PATH"]}, capture_output=True, text=True,
        check=False, timeout=30)
    assert "stopped" in ended.stdout, ended.stderr
