"""The command that writes what runs bijou elsewhere."""

from pathlib import Path

import click

from bijou.app.settings import Settings
from bijou.cli.terminal import configured, speaks_plainly, step, write_text

_KINDS = ["compose", "kubernetes", "nginx", "systemd", "varnish"]


@click.command()
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("deploy"))
@speaks_plainly
@configured(*Settings.__struct_fields__)
def deploy(kind: str, folder: Path, config: Settings) -> None:
    """Write the files that run this configuration elsewhere: containers, units, or edges of other makes.

    \b
    bijou deploy compose
    bijou deploy varnish /etc/varnish --config bijou.toml
    """
    from bijou.app.deployment import KINDS  # noqa: PLC0415 - what only this command needs

    for path, text in KINDS[kind](config).items():
        place = folder / path
        write_text(place, text)
        step("wrote", str(place))
