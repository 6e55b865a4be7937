"""What the tests need from the system: read, install where we may, or say what to do."""

import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "system-packages.txt"
# Debian asks this script before it starts a service; 101 means "do not".
_POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_TEXT = "#!/bin/sh\nexit 101\n"


@dataclass(frozen=True)
class SystemPackage:
    """One line of system-packages.txt."""

    name: str
    command: str
    purpose: str

    @property
    def present(self) -> bool:
        """Tell whether the command that proves it is there."""
        return shutil.which(self.command, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def read() -> list[SystemPackage]:
    """Return the packages that the tests need."""
    lines = (line for line in LIST.read_text().splitlines() if line.strip() and not line.startswith("#"))
    return [SystemPackage(*line.split(None, 2)) for line in lines]


def ensure(without: Collection[str]) -> str:
    """Install what is missing and not waived.

    Returns:
        An empty string, or one line that says what a person must install.
    """
    unknown = set(without) - {package.name for package in read()}
    if unknown:
        return f"WITHOUT names {', '.join(sorted(unknown))}, which system-packages.txt does not hold"
    missing = [package for package in read() if package.name not in without and not package.present]
    if not missing:
        return ""
    names = [package.name for package in missing]
    purposes = "; ".join(package.purpose for package in missing)
    wish = f"install {' '.join(names)} ({purposes}), or go without: make test WITHOUT={','.join(names)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return wish
    print(f"system    apt-get install {' '.join(names)}", file=sys.stderr, flush=True)
    return "" if _install(names) and all(package.present for package in missing) else wish


def _install(names: list[str]) -> bool:
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text(_POLICY_TEXT)
        _POLICY.chmod(0o755)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *names]):
            if subprocess.run(
                ["apt-get", *command], env=environment, stdout=subprocess.DEVNULL, check=False
            ).returncode:
                return False
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)
    return True
