"""Commands that encode a film here, without a server, and that say how they would."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import click

from bijou.cli import plotting
from bijou.cli.terminal import answer, json_option, speaks_plainly, step, write_text
from bijou.encoding import FilmPlan, recipe_names

_HELP = frozenset({"-h", "--help"})
_PICTURES = (".svg", ".html")
_ENDS = {"cut": "a cut", "even": "no cut", "film": "the end"}


class _FilmOrWord(click.Group):
    """`encode FILE OUT/` encodes; a first word that is a command is that command."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Hand over to the encode, where the first word is no command of ours."""
        if args and args[0] not in self.commands and args[0] not in _HELP:
            return film.make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run whichever it is."""
        return ctx.command.invoke(ctx) if ctx.command is not self else super().invoke(ctx)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Describe the encode, and name the commands beside it."""
        as_film = click.Context(film, ctx.parent, ctx.info_name)
        film.format_usage(as_film, formatter)
        film.format_help_text(as_film, formatter)
        film.format_options(as_film, formatter)
        self.format_commands(ctx, formatter)


@click.group(cls=_FilmOrWord)
def encode() -> None:
    """Encode a film here, without a server."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--recipe",
    "recipes",
    type=click.Choice(recipe_names()),
    multiple=True,
    help="How to encode it; several times for several codecs. Named later, a codec is added to what is there."
    f"  [default: {recipe_names()[0]}]",
)
@click.option("--encrypt", is_flag=True, help="Encrypt the media (cbcs) with a clear key of its own.")
@click.option(
    "--captions",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="SubRip or WebVTT file that belongs to the film, such as film.en.srt; several times for several.",
)
@click.option("--no-analysis", is_flag=True, help="Take the recipe's own rate factors for all shots.")
@click.option("--no-vmaf", is_flag=True, help="Do not measure what has come out.")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Encodes at the same time.  [default: one a core]",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell of every task.")
@json_option
@speaks_plainly
def film(
    file: Path,
    out: Path,
    recipes: tuple[str, ...],
    captions: tuple[Path, ...],
    workers: int | None,
    *,
    encrypt: bool,
    no_analysis: bool,
    no_vmaf: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Encode a film into a folder that plays anywhere; run again, it goes on where it was.

    \b
    bijou encode film.mp4 out/
    bijou encode film.mp4 out/ --recipe h264_aac --recipe av1_opus --captions film.en.srt
    """
    from bijou.app.film_wish import Wish  # noqa: PLC0415 - what only this command needs
    from bijou.cli import standing  # noqa: PLC0415 - as above

    wish = Wish(
        file=file,
        out=out,
        recipes=recipes,
        encrypt=encrypt,
        captions=captions,
        analyse=not no_analysis,
        workers=workers or 0,
        score=not no_vmaf,
    )
    made = standing.encode(wish, verbose=verbose)
    answer(made, standing.table(made), as_json=as_json)
    step("next", f"ffplay {made.hls}, or put the folder behind any web server")


@encode.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--recipe",
    "recipe_name",
    type=click.Choice(recipe_names()),
    default=recipe_names()[0],
    show_default=True,
    help="How it would be encoded.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, allow_dash=True),
    callback=lambda _context, _option, path: _picture(path),
    metavar="FILE",
    help="Draw what bits buy in each shot, as FILE.svg or FILE.html, or `-` for letters here.",
)
@json_option
@speaks_plainly
def plan(file: Path, recipe_name: str, plot: Path | None, *, as_json: bool) -> None:
    """Say how a film would be encoded, chunk by chunk, and why so.

    \b
    bijou encode plan film.mp4
    bijou encode plan film.mp4 --recipe av1_opus --plot hull.html
    """
    from bijou.app import standalone  # noqa: PLC0415 - what only this command needs
    from bijou.cli.progress import one_bar  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory(prefix="bijou-plan-") as scratch, one_bar("inspect") as tell:
        made = asyncio.run(standalone.plan(file, recipe_name, Path(scratch), tell))
    answer(made, _plan_text(made), as_json=as_json)
    step("note", plotting.TRIAL_BITS)
    if plot is None:
        step("next", f"bijou encode {file} OUT/ does it; --plot hull.html draws what was chosen from")
    elif str(plot) == "-":
        click.echo(plotting.hull_letters(made))
    else:
        drawn = plotting.hull_svg(made) if plot.suffix == ".svg" else plotting.hull_page(made, file.name)
        write_text(plot, drawn)
        step("drawn", str(plot))


def _picture(path: Path | None) -> Path | None:
    if path is not None and str(path) != "-" and path.suffix not in _PICTURES:
        raise click.BadParameter(f"{str(path)!r} must end with .svg or .html, or be - for letters")
    return path


def _plan_text(plan: FilmPlan) -> str:
    lines = [
        _columns("chunk", "from", "length", "shots", "ends on", "rendition  crf       VMAF   kb/s  because")
    ]
    for chunk in plan.chunks:
        first = (f"{chunk.index + 1}", f"{chunk.start_s:.2f}", f"{chunk.duration_s:.2f}")
        place = (*first, f"{len(chunk.shots_s)}", _ENDS[chunk.ends])
        for rung in chunk.rungs:
            crfs = plotting.crfs_text(rung.crfs)
            said = f"{rung.rung:<9}  {crfs:<8} {rung.vmaf:>5.1f} {rung.bps / 1000:>6.0f}  {rung.because}"
            lines.append(_columns(*place, said))
            place = ("",) * 5
    return "\n".join(lines)


def _columns(chunk: str, start: str, length: str, shots: str, ends: str, rest: str) -> str:
    return f"{chunk:>5} {start:>8} {length:>6} {shots:>5} {ends:<7} {rest}"
