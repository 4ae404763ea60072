"""Warm boxes: the same answers for less, and no job can see, harm or outlive anything of the jobs before and after it."""

from __future__ import annotations

import gc
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pikepdf
import psutil
import pytest
from drawn import LETTER, written
from fakes import FakeBox, fake_room
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from test_pipeline import drop

from intake import pipeline
from intake.box import Box, Opened, ReadOrder, RenditionPage, bwrap, seccomp, warm
from intake.box.inside.__main__ import ONE_CORE
from intake.box.inside.template import empty
from intake.config import BoxSettings
from intake.db.core import Database
from intake.db.deliveries import get_delivery, note_retry
from intake.errors import BoxDied, ConfigError, InputError, Reason
from samples.letters import born_digital

ROOT = Path(__file__).resolve().parent.parent
SMALL = {"memory_mib": 512, "cpu_seconds": 5, "wall_seconds": 20, "output_mib": 16}
HOSTILE = bwrap.PATHS + """
import types
module = types.ModuleType("intake.box.inside.canary")
exec('''def run(order, inputs, out):
    names = {"found": {}}
    exec(order["source"], names)
    return names["found"]
''', module.__dict__)
import intake.box.inside.template as template
sys.modules[module.__name__] = module
%s
template.main()
"""
"""A template whose job `canary` runs the Python source in its order: what a parser that was taken over could do."""
IMPORTS = "import ctypes, json, os, resource, signal, socket, sys, time\nlibc = ctypes.CDLL(None, use_errno=True)\n"


class Jobs:
    """A box whose warm jobs are Python source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir()
        self.box = Box(BoxSettings(**SMALL), scratch=folder / "scratch")

    def run(self, source: str, inputs: tuple[Path, ...] = (), *, processes: bool = False, **limits: float) -> dict[str, object]:
        """What the source put into `found`."""
        told = bwrap.Limits(**{**SMALL, "processes": processes, **limits})  # type: ignore[arg-type]
        with self.box._suspicious():
            answer = self.box._run("canary", {"source": IMPORTS + source}, inputs, self.work, told, warm=True)
        self.last = answer
        found: dict[str, object] = json.loads((answer.out / "result.json").read_text())
        return found

    def idle(self) -> list[psutil.Process]:
        """The templates that wait for a job."""
        return [psutil.Process(box._process.pid).children()[0] for box in self.box._warm._idle]  # type: ignore[union-attr]

    def template(self) -> int:
        (process,) = self.idle()
        return process.pid


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Jobs]:
    monkeypatch.setattr(warm, "_START", HOSTILE % "")
    made = Jobs(tmp_path)
    yield made
    made.box.close()
    assert list((tmp_path / "scratch").iterdir()) == []


def alive(pid: int) -> bool:
    """Running, and not only waiting for this machine's process 1 to take note of its end."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(pids: list[int], within: float = 2.0) -> bool:
    end = time.monotonic() + within
    while any(alive(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(alive(pid) for pid in pids)


# ---- the same answers ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, Box]]:
    """A warm and a cold one."""
    both = (Box(BoxSettings(), scratch=tmp_path_factory.mktemp("scratch")), Box(BoxSettings(warm=False)))
    yield both
    assert both[1]._warm._starter is None
    for box in both:
        box.close()


def letter(folder: Path, seed: int = 1) -> Path:
    born_digital(folder / f"{seed}.pdf", seed)
    return folder / f"{seed}.pdf"


def mail(folder: Path) -> Path:
    message = EmailMessage()
    message["From"], message["Subject"] = "Erika Muster <e@example.org>", "Hecke"
    message.set_content("Sehr geehrte Damen und Herren")
    message.add_attachment(letter(folder).read_bytes(), maintype="application", subtype="pdf", filename="brief.pdf")
    (folder / "post.eml").write_bytes(bytes(message))
    return folder / "post.eml"


def picture(folder: Path) -> Path:
    Image.new("L", (600, 800), 255).save(folder / "leer.png")
    return folder / "leer.png"


def text(folder: Path) -> Path:
    (folder / "brief.txt").write_text("Sehr geehrte Damen und Herren,\n\nmeine Hecke.", encoding="utf-8")
    return folder / "brief.txt"


def shown(opened: Opened) -> object:
    """Everything but paths and costs."""
    parts = [replace(part, path=Path(part.path.name)) for part in opened.unpacked.parts]
    files = [part.path.read_bytes() for part in opened.unpacked.parts]
    read = opened.read and (opened.read.reader, opened.read.pages, [path.read_bytes() for path in opened.read.previews])
    return opened.unpacked.envelope, parts, files, read


@pytest.mark.parametrize("make", [letter, mail, picture, text])
def test_a_warm_box_answers_as_a_cold_one(boxes: tuple[Box, Box], tmp_path: Path, make) -> None:
    path = make(tmp_path)
    original = path.read_bytes()
    for _ in range(2):
        warmly, coldly = (box.open(path, path.name, ReadOrder(), tmp_path) for box in boxes)
        assert shown(warmly) == shown(coldly)
    assert path.read_bytes() == original


def test_reading_and_rendition_too(boxes: tuple[Box, Box], tmp_path: Path) -> None:
    path = letter(tmp_path)
    results, made = [], []
    for box in boxes:
        read = box.read(path, "application/pdf", [1], ReadOrder(), tmp_path)
        results.append((read.pages, read.previews[0].read_bytes()))
        pages = [RenditionPage(0, 1, 0, read.pages[0])]
        rendition = box.rendition([(path, "application/pdf")], pages, title="Ä", workdir=tmp_path)
        with pikepdf.open(rendition.pdf) as pdf:
            made.append((rendition.pdfa, rendition.reason, len(pdf.pages), pdf.pages[0].Contents.read_bytes()))
    assert results[0] == results[1]
    assert made[0] == made[1]
    assert made[0][0] == "2b"


def test_refusals_are_the_same_and_end_no_box(boxes: tuple[Box, Box], tmp_path: Path) -> None:
    locked = tmp_path / "locked.pdf"
    with pikepdf.open(letter(tmp_path)) as pdf:
        pdf.save(locked, encryption=pikepdf.Encryption(owner="a", user="b"))
    boxes[0].open(text(tmp_path), "brief.txt", ReadOrder(), tmp_path)
    waiting = list(boxes[0]._warm._idle)
    for box in boxes:
        with pytest.raises(InputError) as refused:
            box.open(locked, "locked.pdf", ReadOrder(), tmp_path)
        assert refused.value.reason is Reason.ENCRYPTED
    assert boxes[0]._warm._idle == waiting != []


def test_nothing_is_left_to_import_for_a_born_digital_letter(tmp_path: Path) -> None:
    """What a job imports late it would import again in every child."""
    source = """
import json, sys
from pathlib import Path
from intake.box.inside import template
from intake.box.inside.__main__ import run
path, out = Path(sys.argv[1]), Path(sys.argv[2])
template.prepare("open"); template.prepare("rendition")
known = set(sys.modules)
told = {"name": "a.pdf", "max_pages": 10, "max_parts": 10, "max_depth": 2, "max_megapixels": 50, "max_file_mib": 10}
read = {"engine": "tesseract", "languages": "deu", "dpi": 300, "trust_text_layer": "auto", "preview_dpi": 110, "chunk_pages": 8,
        "reader": "x", "max_megapixels": 50, "tessdata": ""}
page = json.loads(json.dumps(run("open", {"unpack": told, "read": read, "most_pages": 8}, [path], out)["read"]["pages"][0]))
run("rendition", {"sources": ["application/pdf"], "pages": [{"source": 0, "number": 1, "rotation": 0, "page": page}],
                  "title": "", "language": "de", "max_megapixels": 50, "attachments": []}, [path], out)
print(json.dumps(sorted(set(sys.modules) - known)))
"""
    done = subprocess.run([sys.executable, "-c", source, str(letter(tmp_path)), str(tmp_path)], cwd=ROOT, capture_output=True,
                          text=True, check=True)
    late = [name for name in json.loads(done.stdout) if not name.startswith("fontTools.ttLib.tables")]
    assert late == []


def test_nothing_is_left_to_import_for_a_scan(tmp_path: Path) -> None:
    """Nor is the engine's language data loaded again."""
    source = """
import json, sys
from pathlib import Path
from intake.box.inside import convnet, template
from intake.box.inside.__main__ import run
from intake.ocr import tesseract
out, order = Path(sys.argv[2]), json.loads(sys.argv[3])
template.prepare(sys.argv[4], order["tessdata"], "deu", order["models"])
template.prepare("read"); template.prepare("rendition")
known, ready = set(sys.modules), dict(tesseract._ahead)
assert len(ready) == 1 and convnet.loaded.cache_info().currsize == 2
import tesserocr
tesserocr.PyTessBaseAPI = type("Unasked", (), {"Version": tesserocr.PyTessBaseAPI.Version})
page = run("read", order | {"media_type": "application/pdf"}, [Path(sys.argv[1])], out)["pages"][0]
assert len(page["words"]) > 50 and page["source"] == "ocr", page
run("rendition", {"sources": ["application/pdf"], "pages": [{"source": 0, "number": 1, "rotation": 0, "page": page}],
                  "title": "", "language": "de", "max_megapixels": 50, "attachments": []}, [Path(sys.argv[1])], out)
print(json.dumps(sorted(set(sys.modules) - known)))
"""
    written(LETTER * 2).save(tmp_path / "scan.pdf", resolution=200)
    order = json.dumps(Box(BoxSettings())._read_order(ReadOrder()))
    for job in ("read", "open"):
        done = subprocess.run([sys.executable, "-c", source, str(tmp_path / "scan.pdf"), str(tmp_path), order, job],
                              cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == []


def test_the_template_is_told_what_to_load_ahead() -> None:
    box = Box(BoxSettings())
    order, other = box._read_order(ReadOrder()), box._read_order(ReadOrder(engine="pytesseract"))
    assert warm._said({"job": "read", "order": order}) == ["read", order["tessdata"], "deu", order["models"]]
    assert warm._said({"job": "open", "order": {"unpack": {}, "read": order}}) == [
        "open", order["tessdata"], "deu", order["models"]]
    assert warm._said({"job": "read", "order": other}) == ["read"]
    assert warm._said({"job": "rendition", "order": {"sources": [], "pages": []}}) == ["rendition"]


# ---- who gets a warm box ---------------------------------------------------------------------------------------------


def test_repeats_large_files_and_long_chunks_get_a_sandbox_of_their_own(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    box = Box(BoxSettings(), scratch=tmp_path / "scratch")
    monkeypatch.setattr(warm.Warm, "run", lambda *_: pytest.fail("warm"))
    path = text(tmp_path)
    assert box.open(path, path.name, ReadOrder(), tmp_path, fresh=True).unpacked.parts
    page = box.read(path, "text/plain", [1], ReadOrder(), tmp_path, fresh=True).pages[0]
    box.rendition([(path, "text/plain")], [RenditionPage(0, 1, 0, page)], title="", workdir=tmp_path, fresh=True)
    large = tmp_path / "large.txt"
    large.write_bytes(b"x" * (warm.MOST_BYTES + 1))
    with pytest.raises((InputError, BoxDied)):
        box.read(large, "application/pdf", [1], ReadOrder(), tmp_path)
    with pytest.raises((InputError, BoxDied)):
        box.read(path, "application/pdf", range(1, warm.MOST_PAGES + 2), ReadOrder(), tmp_path)
    assert not (tmp_path / "scratch").exists()


def test_a_row_that_was_tried_before_asks_for_a_fresh_sandbox(database: Database, tmp_path: Path) -> None:
    asked: list[tuple[str, bool]] = []

    class Listening(FakeBox):
        def open(self, *args, fresh: bool = False, **more):  # type: ignore[no-untyped-def]
            asked.append(("open", fresh))
            return super().open(*args, **more)

        def read(self, *args, fresh: bool = False, **more):  # type: ignore[no-untyped-def]
            asked.append(("read", fresh))
            return super().read(*args, **more)

    room = fake_room(tmp_path, database, box=Listening())
    for name in ("first.pdf", "again.pdf"):
        delivery = drop(room, f"Brief {name}", name)
        if name == "again.pdf":
            with room.db.transaction() as tx:
                note_retry(tx, "delivery", delivery, None)
        for chunk in pipeline.plan_reading(room, delivery):
            pipeline.read_chunk(room, delivery, chunk)
        with room.db.read() as conn:
            assert get_delivery(conn, delivery).attempt == (1 if name == "again.pdf" else 0)
    assert asked == [("open", False), ("read", False), ("open", True), ("read", True)]


def test_machines_without_a_filter_run_everything_cold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(seccomp, "program", lambda **_: None)
    box = Box(BoxSettings(), scratch=tmp_path / "scratch")
    assert box.open(text(tmp_path), "brief.txt", ReadOrder(), tmp_path).read is not None
    assert not (tmp_path / "scratch").exists()


# ---- a job sees nothing of the others --------------------------------------------------------------------------------


LEAVE = """
open('/tmp/secret', 'w').write('geheim'); open('/dev/shm/secret', 'w').write('geheim'); open('/out/secret', 'w').write('x')
for top in ('/tmp', '/dev/shm'):
    os.chdir(top)
    for _ in range(1500):
        os.mkdir('d'); os.chmod('d', 0o700); os.chdir('d')
    open('deep', 'w').close(); os.symlink('/usr/bin', 'link'); os.mkfifo('pipe')
    os.chmod('.', 0)
    os.chdir('/'); os.mkdir(top + '/closed'); os.mkdir(top + '/closed/in'); os.chmod(top + '/closed', 0)
    os.chmod(top, 0)
for path in ('/tmp', '/dev/shm', '/out'):
    try: os.setxattr(path, 'user.secret', b'geheim')
    except OSError: pass
os.environ['SECRET'] = 'geheim'; sys.modules['secret'] = sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
if os.fork() == 0:
    os.setsid()
    for number in range(3, 200):
        try: os.close(number)
        except OSError: pass
    for number in range(1, 65):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    if os.fork() == 0:
        while True: time.sleep(1)
    os._exit(0)
"""
LOOK = """
def alive(pid):
    try: os.kill(pid, 0)
    except ProcessLookupError: return False
    return True
tree = {top: sorted(name for _, names, files in os.walk(top) for name in names + files)
        for top in ('/tmp', '/dev/shm', '/out', '/in')}
found = {'tree': tree, 'alive': [pid for pid in range(1, 300) if alive(pid)], 'me': os.getpid(),
         'secret': 'secret' in sys.modules,
         'environment': sorted(os.environ), 'attributes': [os.listxattr(top) for top in ('/tmp', '/dev/shm', '/out')],
         'modes': [oct(os.stat(top).st_mode & 0o777) for top in ('/tmp', '/dev/shm', '/out')],
         'descriptors': [number for number in range(256) if not _bad(number)],
         'limit': resource.getrlimit(resource.RLIMIT_FSIZE)[0] >> 20}
"""
BAD = """
def _bad(number):
    try: os.fstat(number)
    except OSError: return True
    return False
"""


def test_a_job_leaves_nothing_and_sees_nothing(jobs: Jobs, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"erster")
    second.write_bytes(b"zweiter")
    jobs.run(LEAVE, (first, first), processes=True)
    template = jobs.template()
    seen = jobs.run(BAD + LOOK, (second,))
    assert jobs.template() == template
    assert seen["tree"] == {"/tmp": [], "/dev/shm": [], "/out": ["started"], "/in": ["0", "filter", "order"]}
    assert seen["alive"] == [1, seen["me"]]
    assert seen["descriptors"] == [0, 1, 2]
    assert (seen["secret"], seen["limit"]) == (False, 16)
    assert set(seen["environment"]) <= {"PWD", "LC_CTYPE", *ONE_CORE}  # type: ignore[call-overload]
    assert seen["attributes"] == [[], [], []]
    assert seen["modes"] == ["0o700"] * 3


def test_the_input_is_a_copy_that_cannot_be_written(jobs: Jobs, tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_bytes(b"unchanged")
    found = jobs.run("""
found = {'bytes': open('/in/0').read(), 'links': os.stat('/in/0').st_nlink}
for name, attempt in {'write': lambda: open('/in/0', 'r+b'), 'remove': lambda: os.unlink('/in/0'),
                      'new': lambda: open('/in/1', 'w'), 'chmod': lambda: os.chmod('/in/0', 0o777),
                      'link': lambda: os.link('/in/0', '/out/0')}.items():
    try: attempt(); found[name] = 'worked'
    except OSError as error: found[name] = error.errno
""", (original,))
    assert found.pop("link") in (18, 30)  # another mount
    assert found == {"bytes": "unchanged", "links": 1, "write": 30, "remove": 30, "new": 30, "chmod": 30}
    assert (original.read_bytes(), original.stat().st_nlink) == (b"unchanged", 1)


TEMPLATE_STAYS = """
class Iov(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
local = ctypes.create_string_buffer(8)
code = id(json)  # an address that is the same in the template
def read(pid):
    one, other = Iov(ctypes.addressof(local), 8), Iov(code, 8)
    return libc.process_vm_readv(pid, ctypes.byref(one), 1, ctypes.byref(other), 1, 0)
def write(pid):
    one, other = Iov(ctypes.addressof(local), 8), Iov(code, 8)
    return libc.process_vm_writev(pid, ctypes.byref(one), 1, ctypes.byref(other), 1, 0)
def stolen(pid):
    taken = os.pidfd_open(pid)
    return libc.syscall(438, taken, 0, 0)
low = (ctypes.c_ulong * 2)(1, 1)
for name, attempt in {
    'attach': lambda: libc.ptrace(16, 1, 0, 0), 'seize': lambda: libc.ptrace(0x4206, 1, 0, 0), 'read': lambda: read(1),
    'write': lambda: write(1), 'descriptor': lambda: stolen(1), 'limits': lambda: libc.prlimit(1, 7, low, None),
    'priority': lambda: libc.setpriority(0, 1, 19), 'everyone': lambda: libc.setpriority(2, 0, 19),
    'cores': lambda: libc.sched_setaffinity(1, 8, low), 'io': lambda: libc.syscall(251, 1, 1, 3 << 13),
    'shared memory': lambda: libc.shmget(0, 4096, 0o1600), 'messages': lambda: libc.msgget(0, 0o1600),
    'semaphores': lambda: libc.semget(0, 1, 0o1600)}.items():
    try: found[name] = [attempt(), ctypes.get_errno()]
    except OSError as error: found[name] = [-1, error.errno]
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSTOP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGALRM, 40):
    os.kill(1, number)
os.kill(1, signal.SIGKILL)
"""


@pytest.mark.parametrize("processes", [False, True])
def test_a_job_cannot_reach_the_template(jobs: Jobs, processes: bool) -> None:
    jobs.run("")
    (before,) = jobs.idle()
    found = jobs.run(TEMPLATE_STAYS, processes=processes)
    assert {name: outcome for name, outcome in found.items() if outcome != [-1, 1]} == {}
    (after,) = jobs.idle()
    assert after.pid == before.pid
    assert after.nice() == os.getpriority(os.PRIO_PROCESS, 0)
    assert after.rlimit(resource.RLIMIT_NOFILE) == (256, 256)
    assert len(after.cpu_affinity()) == len(os.sched_getaffinity(0))  # type: ignore[arg-type]
    assert jobs.run("found = {'works': True}") == {"works": True}


def test_the_memory_of_the_template_is_closed_even_without_the_filter(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "_DENIED", {machine: () for machine in seccomp._DENIED})
    found = jobs.run(TEMPLATE_STAYS.split("low =", maxsplit=1)[0] + """
found['template'] = [read(1), ctypes.get_errno(), libc.ptrace(16, 1, 0, 0), ctypes.get_errno()]
child = os.fork()
if child == 0:
    libc.prctl(4, 1, 0, 0, 0)
    time.sleep(5)
time.sleep(0.3)
found['open one'] = read(child)
""", processes=True)
    assert found == {"template": [-1, 1, -1, 1], "open one": 8}


def test_a_job_that_needs_no_process_cannot_start_one(jobs: Jobs) -> None:
    found = jobs.run("""
try: os.fork(); found['fork'] = 'worked'
except OSError as error: found['fork'] = error.errno
import threading
thread = threading.Thread(target=found.update, args=({'thread': 'worked'},)); thread.start(); thread.join()
""")
    assert found == {"fork": 1, "thread": "worked"}
    assert jobs.run("found['pid'] = os.fork() or os._exit(0)", processes=True)["pid"] > 1  # type: ignore[operator]


def test_the_canary_flies_in_a_warm_box_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box(BoxSettings(**SMALL), scratch=tmp_path)
    answer = box._run("canary", {}, (), tmp_path, box._limits(), warm=True)
    tried = json.loads((answer.out / "result.json").read_text())
    assert len(tried) >= 20
    assert {name: outcome for name, outcome in tried.items() if not outcome.startswith("refused")} == {}
    assert len(box._warm._idle) == 1
    box.check()
    box.close()
    monkeypatch.setattr(warm, "_START", bwrap.PATHS + (
        "import types; from intake.box.inside import template; m = types.ModuleType('intake.box.inside.canary'); "
        "m.run = lambda *_: {'tcp': 'escaped'}; sys.modules[m.__name__] = m; template.main()"))
    with pytest.raises(ConfigError, match=r"tcp \(warm\)"):
        box.check()
    box.close()


# ---- irregular ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "limits", "reason", "says"), [
    ("bytearray(1 << 30)", {}, Reason.TIMEOUT, "77"),
    ("while True: pass", {"cpu_seconds": 1}, Reason.TIMEOUT, "SIGXCPU"),
    ("time.sleep(60)", {"wall_seconds": 1}, Reason.TIMEOUT, "time"),
    ("[(open(f'/out/{n}', 'wb').write(bytes(4 << 20)), time.sleep(0.2)) for n in range(99)]", {}, Reason.TIMEOUT, "output"),
    ("os.kill(os.getpid(), 11)", {}, Reason.CRASHED, "SIGSEGV"),
    ("os.kill(os.getpid(), 9)", {}, Reason.TIMEOUT, "SIGKILL"),
    ("os.abort()", {}, Reason.TIMEOUT, "SIGABRT"),
    ("print('malloc(): corrupted', flush=True); os.abort()", {}, Reason.CRASHED, "malloc"),
    ("raise ValueError('parser')", {}, Reason.CRASHED, "ValueError: parser"),
    ("sys.exit(3)", {}, Reason.CRASHED, "Ende 3"),
    ("os._exit(0)", {}, Reason.CRASHED, "ending.json fehlt"),
    ("os.execv('/bin/true', ['true'])", {"processes": True}, Reason.CRASHED, "ending.json fehlt"),
    ("sys.stdout.write('x' * 300_000 + '\\x1b[31m'); sys.stdout.flush(); sys.exit(1)", {}, Reason.CRASHED, "xxx"),
    ("os.symlink('/etc/passwd', '/out/ending.json'); os._exit(0)", {}, Reason.CRASHED, "keine gewöhnliche Datei"),
    ("os.mkdir('/out/ending.json'); os._exit(0)", {}, Reason.CRASHED, "keine gewöhnliche Datei"),
    ("open('/out/y', 'w').close(); os.link('/out/y', '/out/ending.json'); os._exit(0)", {}, Reason.CRASHED, "keine gewöhnliche"),
])
def test_a_death_says_how_ends_the_box_and_the_next_job_works(jobs: Jobs, source: str, limits: dict[str, float], reason: Reason,
                                                              says: str) -> None:
    jobs.run("")
    before = [process.pid for process in jobs.idle()]
    with pytest.raises(BoxDied) as died:
        jobs.run(source, **limits)  # type: ignore[arg-type]
    assert died.value.reason is reason
    assert says in died.value.detail
    assert "\x1b" not in died.value.detail
    assert gone(before)
    assert jobs.idle() == []
    assert [path.name for path in jobs.work.iterdir()] == [jobs.last.out.name]  # of the first job
    assert jobs.run("found = {'works': True}") == {"works": True}


def test_nonsense_in_an_answer_ends_every_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lie = bwrap.PATHS + ("import types; from intake.box.inside import template; m = types.ModuleType('intake.box.inside.read'); "
                         "m.run = lambda *_: {'pages': [], 'previews': 5}; template.prepare('read'); "
                         "sys.modules[m.__name__] = m; template.main()")
    monkeypatch.setattr(warm, "_START", lie)
    box = Box(BoxSettings(), scratch=tmp_path / "scratch")
    path = text(tmp_path)
    with pytest.raises(BoxDied):
        box.read(path, "text/plain", [1], ReadOrder(), tmp_path)
    assert box._warm._idle == []
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_fork_bomb_does_not_outlive_its_job(jobs: Jobs) -> None:
    bomb = """
for _ in range(60):
    if os.fork() == 0:
        os.setsid()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if os.fork() == 0: time.sleep(0.01); os._exit(0)
                os.waitpid(-1, 0)
            except OSError: pass
"""
    jobs.run(bomb, processes=True)
    (template,) = jobs.idle()
    assert template.children(recursive=True) == []
    assert jobs.run(BAD + LOOK)["alive"][0] == 1  # type: ignore[index]
    with pytest.raises(BoxDied):
        jobs.run(bomb + "time.sleep(60)", processes=True, wall_seconds=1)
    assert gone([template.pid])


def test_a_file_that_hides_its_start_gains_nothing(jobs: Jobs) -> None:
    """It is run again cold (there, the tests' canary is the true one)."""
    assert "shadow" in jobs.run("os.unlink('/out/started')")


# ---- the life of a warm box ------------------------------------------------------------------------------------------


def test_nothing_outlives_a_killed_service(tmp_path: Path) -> None:
    source = """
import sys, threading, time
from pathlib import Path
sys.path.insert(0, sys.argv[1] + "/tests")
from intake.box import Box, bwrap, warm
from intake.config import BoxSettings
warm._START = sys.argv[3]
box = Box(BoxSettings(), scratch=Path(sys.argv[2]) / "scratch")
def job(source):
    box._run("canary", {"source": source}, (), Path(sys.argv[2]), box._limits(), warm=True)
threading.Thread(target=job, args=("import time; time.sleep(60)",)).start()
time.sleep(1)
job("")
print("ready", flush=True)
time.sleep(60)
"""
    service = subprocess.Popen([sys.executable, "-c", source, str(ROOT), str(tmp_path), HOSTILE % ""], cwd=ROOT,
                               stdout=subprocess.PIPE, text=True)
    with service:
        assert service.stdout is not None and service.stdout.readline() == "ready\n"
        family = [process.pid for process in psutil.Process(service.pid).children(recursive=True)]
        assert len(family) == 5  # two of bubblewrap, two templates, a job
        service.send_signal(signal.SIGKILL)
    assert gone(family)


def test_a_box_outlives_the_thread_that_asked_for_it(jobs: Jobs) -> None:
    thread = threading.Thread(target=jobs.run, args=("",))
    thread.start()
    thread.join()
    first = jobs.template()
    time.sleep(0.1)
    assert jobs.run("found = {'works': True}") == {"works": True}
    assert jobs.template() == first


def test_jobs_run_side_by_side_each_with_its_own_input(jobs: Jobs, tmp_path: Path) -> None:
    def one(number: int) -> object:
        path = tmp_path / f"in{number}"
        path.write_text(str(number))
        return jobs.run("time.sleep(0.05); found = {'bytes': open('/in/0').read()}", (path,))["bytes"]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(24))) == [str(number) for number in range(24)]
    assert 1 <= len(jobs.idle()) <= 4


def test_a_box_is_replaced_after_its_jobs(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "MOST_JOBS", 2)
    jobs.run("")
    first = jobs.template()
    jobs.run("")
    assert jobs.idle() == [] and gone([first])
    jobs.run("")
    assert jobs.template() != first


def test_an_idle_box_leaves_by_itself_and_is_replaced(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_START", HOSTILE % "template.IDLE_SECONDS = 0.3")
    jobs.run("")
    first = jobs.template()
    assert gone([first])
    assert jobs.run("found = {'works': True}") == {"works": True}
    monkeypatch.setattr(warm, "IDLE_SECONDS", 10)  # one that has waited long enough is not asked at all
    (box,) = jobs.box._warm._idle
    assert not box.alive()


def test_a_template_that_dies_while_it_waits_is_nobodys_guilt(jobs: Jobs) -> None:
    jobs.run("")
    os.kill(jobs.template(), signal.SIGKILL)
    time.sleep(0.1)
    assert jobs.run("found = {'works': True}") == {"works": True}


@pytest.mark.parametrize("broken", ["sys.exit(1)", "template._run = lambda said: sys.exit(1)"])
def test_a_template_that_dies_at_once_costs_three_attempts_and_a_word(
        jobs: Jobs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: str) -> None:
    monkeypatch.setattr(warm, "_START", HOSTILE % broken)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert "shadow" in jobs.run("")  # the true canary, cold
    assert [record.message for record in caplog.records if "warm" in record.message] == [
        "warm boxes do not come up; every job gets a sandbox of its own"]
    monkeypatch.setattr(warm, "_WarmBox", lambda *_: pytest.fail("tried again"))
    assert "shadow" in jobs.run("")


def test_where_bubblewrap_is_missing_the_sentence_is_that_of_the_cold_box(
        jobs: Jobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    bwrap._view.cache_clear()
    with pytest.raises(ConfigError, match="apt-get install bubblewrap"):
        jobs.run("")


def test_closing_or_forgetting_a_box_ends_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(warm, "_START", HOSTILE % "")
    jobs = Jobs(tmp_path)
    for end in ("close", "forget"):
        jobs.run("")
        template = jobs.template()
        if end == "close":
            jobs.box.close()
        else:
            del jobs.box
            gc.collect()
        assert gone([template])
        assert list((tmp_path / "scratch").iterdir()) == []


def test_answers_come_from_another_disk_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not os.access(other, os.W_OK) or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second disk")
    jobs = Jobs(tmp_path)
    jobs.box = Box(BoxSettings(**SMALL), scratch=other / f"poststelle-test-{os.getpid()}")
    monkeypatch.setattr(warm, "_START", HOSTILE % "")
    try:
        assert jobs.run("open('/out/p0', 'wb').write(b'x' * 100_000)") == {}
        assert (jobs.last.out / "p0").stat().st_size == 100_000
        with pytest.raises(BoxDied):
            jobs.run("os.symlink('/etc/passwd', '/out/ending.json'); os._exit(0)")
    finally:
        jobs.box.close()
        (other / f"poststelle-test-{os.getpid()}").rmdir()


def test_the_start_of_the_template_is_on_the_bill_of_the_first_job(jobs: Jobs) -> None:
    costs = []
    for source in ("", "", "end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"):
        jobs.run(source)
        costs.append(jobs.last.cpu_seconds)
    assert costs[0] > 0.02
    assert 0.0005 < costs[1] < costs[0]
    assert 0.3 < costs[2] < 0.5


# ---- emptying a folder -----------------------------------------------------------------------------------------------


names = st.text("abc", min_size=1, max_size=3)
trees = st.recursive(st.sampled_from(["file", "link", "pipe", "closed"]), lambda inner: st.dictionaries(names, inner, max_size=4))


def grow(place: Path, tree: object, outside: Path) -> None:
    if isinstance(tree, dict):
        place.mkdir()
        for name, inner in tree.items():
            grow(place / name, inner, outside)
    elif tree == "link":
        place.symlink_to(outside)
    elif tree == "pipe":
        os.mkfifo(place)
    elif tree == "closed":
        place.mkdir()
        (place / "kept").write_text("x")
        place.chmod(0)
    else:
        place.write_text("x")


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(tree=st.dictionaries(names, trees, max_size=5))
def test_a_folder_is_emptied_whatever_lies_in_it(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]) -> None:
    base = tmp_path_factory.mktemp("empty")
    (base / "outside").mkdir()
    (base / "outside" / "stays").touch()
    grow(base / "folder", tree, base / "outside")
    empty(base / "folder")
    assert list((base / "folder").iterdir()) == []
    assert (base / "outside" / "stays").exists()


def test_numpy_in_the_box_uses_one_core(jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "some").write_bytes(b"x")
    seen = jobs.run("import numpy, threadpoolctl\n"
                    "found = {'threads': [one['num_threads'] for one in threadpoolctl.threadpool_info()]}", (tmp_path / "some",))
    assert seen["threads"] and set(seen["threads"]) == {1}  # type: ignore[call-overload]
