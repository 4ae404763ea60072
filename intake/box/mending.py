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


def trouble(said: str, root: Path = Path("/")) -> PoststelleError:
    """The error to raise when the sandbox did not come up: ConfigError with the mending line, ServiceError when it may pass.

    `said` is what bubblewrap printed; `root` is where the machine's /proc and container marks are looked up.
    """
    first = next((line for line in said.splitlines() if line.startswith("bwrap:")), said.strip()[:300])
    if any(word in first for word in _PASSING):
        return ServiceError(f"Der Lesekasten lässt sich gerade nicht starten ({first}). Es wird erneut versucht.")
    opening = "Der Lesekasten (bubblewrap) darf hier nicht laufen; ohne ihn werden keine fremden Dateien geöffnet."
    if "Unknown option" in first or "unknown option" in first:
        return ConfigError(f"{opening} Die Fassung von bubblewrap ist zu alt. Installieren Sie 0.8 oder neuer: {INSTALL}")
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        return ConfigError(f"{opening} Starten Sie den Container so: {CONTAINER}\nMeldung: {first}")
    if _setting(root, "kernel/apparmor_restrict_unprivileged_userns") == "1":
        return ConfigError(f"{opening} AppArmor sperrt ihn. Erlauben Sie es bubblewrap mit dieser Zeile:\n{APPARMOR}\nMeldung: {first}")
    if _setting(root, "kernel/unprivileged_userns_clone") == "0":
        return ConfigError(f"{opening} Geben Sie ein: {SYSCTL}\nMeldung: {first}")
    if _setting(root, "user/max_user_namespaces") == "0":
        return ConfigError(f"{opening} Geben Sie ein: {NAMESPACES}\nMeldung: {first}")
    return ConfigError(f"{opening} In einem Container hilft: {CONTAINER}\nUnter Ubuntu hilft: {APPARMOR}\nMeldung: {first}")
