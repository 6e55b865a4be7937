"""Commands of the file system in memory."""

import os
import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from bijou.cli.terminal import speaks_plainly, step
from bijou.ports import InvalidRequest, SystemClock

_UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_READY = b"\0"
_SIZE = re.compile(r"(\d+)\s*([KMGT]iB|B|)")


class _Size(click.ParamType[int]):
    """A number of bytes, with a unit that people use."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _SIZE.fullmatch(str(value))
        if not found:
            self.fail(
                f"{value!r} is no size; write it as 512MiB, with one of {', '.join(_UNITS)[2:]}", param, ctx
            )
        size = int(found[1]) * _UNITS[found[2]]
        if not size:
            self.fail(f"{value!r} holds nothing; a budget is 1 byte or more", param, ctx)
        return size


@click.group()
def fs() -> None:
    """Work with the file system that lives in memory.

    \b
    bijou fs mount /mnt/scratch
    bijou fs mount --help
    """


@fs.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--budget",
    type=_Size(),
    default="512MiB",
    show_default=True,
    help="Content that stays in memory; more is no space, or goes to the spill.",
)
@click.option(
    "--spill",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder on a disk for what is cold and does not fit; by default none.",
)
@click.option("--foreground", is_flag=True, help="Do not go to the background; Ctrl-C unmounts.")
@speaks_plainly
def mount(folder: Path, budget: int, spill: Path | None, *, foreground: bool) -> None:
    """Mount an empty file system at an empty folder; what is in it goes when it is unmounted.

    \b
    bijou fs mount /mnt/scratch
    bijou fs mount /mnt/scratch --budget 2GiB --spill /var/tmp --foreground
    """
    place = folder.absolute()  # not resolved: a dead mount would answer ENOTCONN
    tell = _told(place, budget, spill)
    _serve(place, budget, spill, ready=tell if foreground else _in_background(tell))
    if foreground:
        step("unmounted", str(place))


def _serve(folder: Path, budget: int, spill: Path | None, *, ready: Callable[[], None]) -> None:
    from bijou.engines import memfs_fuse  # noqa: PLC0415 - what only this command needs
    from bijou.engines.memfs_spill import FileSpill  # noqa: PLC0415 - as above
    from bijou.memfs import MemFS  # noqa: PLC0415 - as above

    clock = SystemClock()
    with ExitStack() as closing:
        try:
            cold = closing.enter_context(FileSpill(spill)) if spill else None
        except OSError as error:
            raise InvalidRequest(
                "memfs.no_spill",
                f"{spill} cannot take a spill: {error.strerror}; name a folder that can be written",
            ) from error
        tree = MemFS(now=clock.now, budget_bytes=budget, spill=cold)
        tree.chown("/", os.geteuid(), os.getegid())
        memfs_fuse.mount(tree, folder, clock, spill=cold, ready=ready)


def _told(folder: Path, budget: int, spill: Path | None) -> Callable[[], None]:
    def tell() -> None:
        step("mounted", f"{_said(budget)} in memory" + (f", cold content in {spill}" if spill else ""))
        step("next", f"fusermount3 -u {folder} unmounts it, and forgets all in it")
        click.echo(folder)

    return tell


def _said(size: int) -> str:
    """Name a size to the byte, in the largest unit that divides it."""
    unit, factor = max(
        ((unit, factor) for unit, factor in _UNITS.items() if unit and not size % factor),
        key=lambda pair: pair[1],
    )
    return f"{size // factor} {unit}"


def _in_background(tell: Callable[[], None]) -> Callable[[], None]:
    """Go on in a child; here, wait until it is ready or has failed, and end.

    Returns:
        What the child calls when it is ready. Until then its stderr is ours.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        raise click.exceptions.Exit(_watch(child, reading, tell))
    os.close(reading)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for mine, theirs in ((null, 0), (null, 1), (writing, 2)):
        os.dup2(mine, theirs)
    os.close(writing)

    def ready() -> None:
        os.write(2, _READY)
        os.dup2(null, 2)

    return ready


def _watch(child: int, reading: int, tell: Callable[[], None]) -> int:
    while said := os.read(reading, 4096):
        sys.stderr.write(said.removesuffix(_READY).decode(errors="replace"))
        if said.endswith(_READY):
            tell()
            return 0
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
