"""What `./run` does once .venv stands: site, tests, benchmarks, or the bijou command."""

import contextlib
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
    _fill_streams()
    match arguments:
        case [] | ["-h" | "--help" | "help"]:
            with contextlib.suppress(BrokenPipeError):  # `| head -1` has read enough
                os.write(1, f"{USAGE}\n".encode())
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
    places = (ROOT / "benchmarks").glob("[a-z]*")
    modules = {p.stem for p in places if (p / "__main__.py").is_file() or p.suffix == ".py"}
    module = rest[0].replace("-", "_") if rest else ""
    if module not in modules:
        names = ", ".join(sorted(name.replace("_", "-") for name in modules))
        print(f"./run {form} NAME, where NAME is one of: {names}", file=sys.stderr)
        return 2
    extra = ["--long"] if form == "long" else []
    return _become("-m", f"benchmarks.{module}", *extra, *rest[1:])


def _become(*arguments: str) -> int:
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - the task is the process from here on


def _fill_streams() -> None:
    """Open what `>&-` has closed, or the next file would be taken for it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
