"""Commands that start services."""

from pathlib import Path

import click

from bijou.app.settings import Settings
from bijou.cli.terminal import answer, configured, json_option, speaks_plainly


@click.command()
@speaks_plainly
@configured(*Settings.__struct_fields__)
def demo(config: Settings) -> None:
    """Start the whole service and fill it with sample titles; Ctrl-C stops it.

    \b
    bijou demo
    bijou demo --house-data-dir /tmp/try --control-port 9000
    """
    from bijou.app.serving import serve_all  # noqa: PLC0415 - what only this command needs

    raise click.exceptions.Exit(serve_all(config, samples=True))


@click.command()
@speaks_plainly
@configured(*Settings.__struct_fields__)
def serve(config: Settings) -> None:
    """Start the whole service, empty at first, and keep its data; Ctrl-C stops it.

    \b
    bijou serve
    bijou serve --config bijou.toml
    """
    from bijou.app.serving import serve_all  # noqa: PLC0415 - what only this command needs

    raise click.exceptions.Exit(serve_all(config, samples=False))


@click.command()
@click.argument(
    "service", type=click.Choice(["control", "encoder", "origin", "edge", "steering", "audience-shard"])
)
@speaks_plainly
@configured(*Settings.__struct_fields__)
def run(service: str, config: Settings) -> None:
    """Start one service alone, in the foreground; SIGTERM stops it.

    \b
    bijou run edge --edge-region west --edge-host 127.0.0.3
    bijou run control --config bijou.toml
    """
    from bijou.app.services import run_service  # noqa: PLC0415 - what only this command needs

    raise click.exceptions.Exit(run_service(service, config))


@click.command()
@json_option
@speaks_plainly
@configured("house.data_dir")
def status(config: Settings, *, as_json: bool) -> None:
    """Say which processes of this installation run, where, and since when.

    \b
    bijou status
    bijou status --json
    """
    from bijou.app.status import read_status  # noqa: PLC0415 - what only this command needs

    found = read_status(Path(config.house.data_dir))
    lines = [
        f"{s.name:<11} {'healthy' if s.healthy else 'down':<8} {s.address:<24} restarts {s.restarts}"
        for s in found
    ]
    answer(found, "\n".join(lines) or "nothing runs here", as_json=as_json)
    if not found or not all(service.healthy for service in found):
        raise click.exceptions.Exit(1)
