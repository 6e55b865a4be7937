"""The command that writes what runs bijou elsewhere."""

from pathlib import Path

import click

from bijou.app.settings import Settings
from bijou.cli.terminal import configured, speaks_plainly, step

_KINDS = ["compose", "kubernetes", "nginx", "systemd", "varnish"]


@click.command()
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("deploy"))
@speaks_plainly
@configured("house", "s3", "control", "encoder", "origin", "edge", "delivery")
def deploy(kind: str, folder: Path, config: Settings) -> None:
    """Write the files that run this configuration elsewhere: containers, units, or edges of other makes.

    \b
    bijou deploy compose
    bijou deploy varnish /etc/varnish --config bijou.toml
    """
    from bijou.app.deployment import KINDS  # noqa: PLC0415 - what only this command needs

    for path, text in KINDS[kind](config).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        step("wrote", str(place))
