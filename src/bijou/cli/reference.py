"""Commands that print what bijou knows of itself."""

from pathlib import Path

import click

from bijou.app.settings import Settings
from bijou.cli.terminal import speaks_plainly, step
from bijou.runtime.settings import manual


@click.command()
def config() -> None:
    """Print the configuration file with every setting at its default: the manual.

    \b
    bijou config > bijou.toml
    bijou serve --config bijou.toml
    """
    click.echo(manual(Settings), nl=False)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("docs/reference"))
@speaks_plainly
def reference(folder: Path) -> None:
    """Write the reference pages of settings, commands, routes, events and errors.

    \b
    bijou reference
    bijou reference /tmp/pages
    """
    from bijou.cli import pages  # noqa: PLC0415 - imports every room

    for name, text in pages.all_pages().items():
        (folder / name).write_text(text, encoding="utf-8")
        step("wrote", str(folder / name))
