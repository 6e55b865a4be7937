"""The test lanes: `check` (lint, types, contracts, unit) and `test` (all of it)."""

import os
import secrets
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tools import site, system_packages

ROOT = Path(__file__).resolve().parent.parent
ARTIFACTS = ROOT / "artifacts"
# Every process that the suite starts inherits this; whoever still carries it at the end is an orphan.
MARK = "BIJOU_TEST_RUN"


@dataclass
class Run:
    """One run of a lane: what ran, what failed, what was counted."""

    without: frozenset[str]
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    failures: list[str] = field(default_factory=list)
    passed: int = 0
    failed: int = 0

    def stage(self, name: str, *command: str) -> None:
        """Run one command; its output is shown as it comes."""
        self.measure(name, lambda: self._spawn(command))

    def measure(self, name: str, work: Callable[[], int]) -> None:
        """Run one piece of work that returns an exit status, and say how long it took."""
        print(f"\n-- {name}", flush=True)
        began = time.perf_counter()  # noqa: TID251 - a tool for people, not the product
        status = work()
        took_s = time.perf_counter() - began  # noqa: TID251 - as above
        print(f"-- {name}: {'ok' if status == 0 else f'FAILED ({status})'} in {took_s:.1f} s", flush=True)
        if status:
            self.failures.append(name)

    def pytest(self, name: str, *arguments: str) -> None:
        """Run a part of the Python tests and count them."""
        report = ARTIFACTS / f"{name.replace(' ', '-')}.xml"
        self.stage(
            name, sys.executable, "-m", "pytest", "-q", "--durations=8", f"--junitxml={report}", *arguments
        )
        self._count(report)

    def vitest(self) -> None:
        """Run the TypeScript checks and tests and count them."""
        report = ARTIFACTS / "typescript.xml"
        self.measure("typescript: install", lambda: site.install(production=False))
        self.measure("typescript: types", lambda: site.npm("run", "--silent", "check"))
        reporters = ("--reporter=default", "--reporter=junit", f"--outputFile.junit={report}")
        self.measure("typescript: tests", lambda: site.npm("test", "--silent", "--", *reporters))
        self._count(report)

    def orphans(self) -> int:
        """Name every process of this run that is still alive."""
        alive = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes():
                        command = (
                            (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                        )
                        alive.append(f"{entry.name}: {command[:160]}")
                except OSError:
                    continue
        for line in alive:
            print(f"orphan {line}")
        return len(alive)

    def _spawn(self, command: tuple[str, ...]) -> int:
        return subprocess.run(command, cwd=ROOT, check=False, env={**os.environ, MARK: self.mark}).returncode

    def _count(self, report: Path) -> None:
        if not report.is_file():
            return
        for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - our own report
            bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            self.failed += bad
            self.passed += int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0) or 0)


def main(lane: str, arguments: list[str]) -> int:
    """Run a lane; the last lines say what was left out, and how it went.

    Args:
        lane: `check` or `test`.
        arguments: `WITHOUT=a,b` names system packages to do without.
    """
    words = [*arguments, f"WITHOUT={os.environ.get('WITHOUT', '')}"]
    without = frozenset(
        part for word in words if word.startswith("WITHOUT=") for part in word[8:].replace(",", " ").split()
    )
    os.environ["BIJOU_TEST_WITHOUT"] = ",".join(sorted(without))
    ARTIFACTS.mkdir(exist_ok=True)
    for old in ARTIFACTS.glob("*.xml"):
        old.unlink()
    run = Run(without)
    if lane == "test" and (wish := system_packages.ensure(without)):
        print(wish, file=sys.stderr)
        return 3
    _check(run)
    if lane == "test":
        _rest(run)
    return _summary(run, lane)


def _check(run: Run) -> None:
    run.stage("lint", "ruff", "check", "--quiet", ".")
    run.stage("format", "ruff", "format", "--quiet", "--check", ".")
    run.stage("types", "mypy", "--cache-dir=.cache/mypy")
    run.stage("contracts", "lint-imports", "--cache-dir", ".cache/import-linter")
    run.pytest("unit", "-n2", "tests/unit", "tests/house", "src")


def _rest(run: Run) -> None:
    run.vitest()
    run.measure("site", site.build)
    run.pytest("contract", "-n2", "tests/contract")
    run.pytest("topology", "tests/topology")
    run.measure("orphans", run.orphans)


def _summary(run: Run, lane: str) -> int:
    print()
    for name in sorted(run.without):
        print(f"left out on request: {name}, and every test that needs it")
    if run.failures:
        print(f"make {lane}: FAILED in {', '.join(run.failures)}")
    else:
        print(f"make {lane}: all green")
    print(f"{run.passed} passed, {max(run.failed, len(run.failures))} failed")
    return 1 if run.failures else 0
