"""Why bubblewrap could not set up the sandbox, and the exact line that mends it. For the operator, in German."""

from __future__ import annotations

from pathlib import Path

from intake.errors import ConfigError, PoststelleError, ServiceError

_PASSING = ("Resource temporarily unavailable", "Cannot allocate memory", "Too many open files")
APPARMOR = (
    "printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) {\\n  userns,\\n}\\n'"
    " | sudo tee /etc/apparmor.d/bwrap && sudo apparmor_parser -r /etc/apparmor.d/bwrap")
CONTAINER = "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined ..."
SYSCTL = "sudo sysctl -w kernel.unprivileged_userns_clone=1"
NAMESPACES = "sudo sysctl -w user.max_user_namespaces=15000"
INSTALL = "apt-get install bubblewrap"


def _setting(root: Path, name: str) -> str:
    try:
        return (root / "proc/sys" / name).read_text(encoding="ascii").strip()
    except OSError:
        return ""  # this kernel has no such switch


def trouble(printed: str, root: Path = Path("/")) -> PoststelleError:
    """The error to raise when the sandbox did not come up: ConfigError with the mending line, ServiceError when it may pass.

    `printed` is what bubblewrap said; `root` is where the machine's /proc and container marks are looked up.
    """
    first = next((line for line in printed.splitlines() if line.startswith("bwrap:")), printed.strip()[:300])
    if any(word in first for word in _PASSING):
        return ServiceError(f"Der Lesekasten lässt sich gerade nicht starten ({first}). Es wird erneut versucht.")
    said = f"\nMeldung: {first}"
    if "nknown option" in first:
        mend = f"Die Fassung von bubblewrap ist zu alt; nötig ist 0.8 oder neuer: {INSTALL}"
    elif (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        mend = f"Starten Sie den Container so: {CONTAINER}"
    elif _setting(root, "kernel/apparmor_restrict_unprivileged_userns") == "1":
        mend = f"AppArmor sperrt ihn. Erlauben Sie es bubblewrap mit dieser Zeile:\n{APPARMOR}"
    elif _setting(root, "kernel/unprivileged_userns_clone") == "0":
        mend = f"Geben Sie ein: {SYSCTL}"
    elif _setting(root, "user/max_user_namespaces") == "0":
        mend = f"Geben Sie ein: {NAMESPACES}"
    else:
        mend = f"In einem Container hilft: {CONTAINER}\nUnter Ubuntu hilft: {APPARMOR}"
    return ConfigError("Der Lesekasten (bubblewrap) darf hier nicht laufen; ohne ihn werden keine fremden Dateien geöffnet. "
                       f"{mend}{said}")
