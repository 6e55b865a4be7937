"""What a newcomer waits for: a fresh clone, empty caches, the two commands.

Clones the commit that is checked out (uncommitted changes are not measured),
gives it caches of its own, and times `make demo` to its ready line, cold and
warm, then `make check` warm and `make test`. `--quick` stops after the demo.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINT_STAGES = ("lint", "format", "types", "contracts")


def main() -> int:
    quick = "--quick" in sys.argv
    with tempfile.TemporaryDirectory(prefix="newcomer-") as scratch:
        clone = Path(scratch) / "bijou"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        environment = fresh_environment(Path(scratch))
        cold_s = demo(clone, environment)
        warm_s = min(demo(clone, environment) for _ in range(3))
        targets = [target("cold make demo, s", cold_s, 60), target("warm make demo, s", warm_s, 4)]
        if not quick:
            targets += tests(clone, environment)
    for row in targets:
        verdict = "met" if row["met"] else "MISSED"
        print(f"{row['name']:<36} {row['value']:>8.1f}   at most {row['at_most']:>5}   {verdict}")
    print(json.dumps({"benchmark": "newcomer", "peers": {}, "targets": targets}))
    return 0


def tests(clone: Path, environment: dict[str, str]) -> list[dict[str, object]]:
    timed(clone, environment, "check")
    check_s, output = timed(clone, environment, "check")
    stages = dict(re.findall(r"^-- (\w+): ok in ([\d.]+) s$", output, re.MULTILINE))
    test_s, _ = timed(clone, environment, "test")
    return [
        target("warm make check, s", check_s, 60),
        target("lint, types and contracts of it, s", sum(float(stages[name]) for name in LINT_STAGES), 10),
        target("make test, s", test_s, 180),
    ]


def target(name: str, value: float, at_most: float) -> dict[str, object]:
    return {"name": name, "value": round(value, 2), "at_most": at_most, "met": value <= at_most}


def fresh_environment(scratch: Path) -> dict[str, str]:
    """The machine's environment with no cache of anybody's."""
    caches = {
        "UV_CACHE_DIR": scratch / "uv",
        "PIP_CACHE_DIR": scratch / "pip",
        "npm_config_cache": scratch / "npm",
        "XDG_CACHE_HOME": scratch / "cache",
    }
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("VIRTUAL_ENV", "BIJOU_"))
    }
    return inherited | {key: str(value) for key, value in caches.items()}


def demo(clone: Path, environment: dict[str, str]) -> float:
    """Seconds from the command to its ready line; ends it afterwards."""
    began = time.perf_counter()
    process = subprocess.Popen(
        ["make", "demo"],
        cwd=clone,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    errors: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    reader = threading.Thread(target=errors.extend, args=(process.stderr,), daemon=True)
    reader.start()
    took_s = None
    for line in process.stdout:
        if line.startswith("ready"):
            took_s = time.perf_counter() - began
            break
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(10)
    if took_s is None:
        sys.exit("make demo ended without its ready line:\n" + "".join(errors[-20:]))
    print(f"demo ready after {took_s:.1f} s", file=sys.stderr, flush=True)
    return took_s


def timed(clone: Path, environment: dict[str, str], lane: str) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run(
        ["make", lane], cwd=clone, env=environment, text=True, capture_output=True, check=False
    )
    took_s = time.perf_counter() - began
    print(f"make {lane}: {took_s:.1f} s, status {done.returncode}", file=sys.stderr, flush=True)
    if done.returncode:
        sys.exit(done.stdout[-3000:] + done.stderr[-1000:])
    return took_s, done.stdout


if __name__ == "__main__":
    sys.exit(main())
