"""What `./run` does once .venv stands: site, tests, benchmarks, or the bijou command."""

import os
import sys
from pathlib import Path

from tools import site

ROOT = Path(__file__).resolve().parent.parent
USAGE = """\
./run demo         the whole service with sample titles; Ctrl-C stops it
./run test         every test: Python, TypeScript and a real browser
./run check        lint, types, contracts and unit tests
./run bench NAME   a benchmark beside its peers (--quick for a short one)
./run long NAME    the long form of a drill or a benchmark
./run COMMAND      any command of bijou, such as serve, upload, config"""


def main(arguments: list[str]) -> int:
    """Do one task and return its exit status."""
    match arguments:
        case [] | ["-h" | "--help" | "help"]:
            print(USAGE)
            return 0
        case ["test" | "check" as lane, *rest]:
            from tools import suite  # noqa: PLC0415 - the demo has no test tools

            return suite.main(lane, rest)
        case ["site"]:
            return site.build()
        case ["bench" | "long" as form, *rest]:
            return _benchmark(form, rest)
        case ["demo" | "serve", *_]:
            failed = site.build()
            return failed or _become("-m", "bijou", *arguments)
        case _:
            return _become("-m", "bijou", *arguments)


def _benchmark(form: str, rest: list[str]) -> int:
    names = sorted(
        p.stem for p in (ROOT / "benchmarks").glob("*") if (p / "__main__.py").is_file() or p.suffix == ".py"
    )
    if not rest or rest[0] not in names:
        print(f"./run {form} NAME, where NAME is one of: {', '.join(names)}", file=sys.stderr)
        return 2
    extra = ["--long"] if form == "long" else []
    return _become("-m", f"benchmarks.{rest[0]}", *extra, *rest[1:])


def _become(*arguments: str) -> int:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - the task is the process from here on


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
