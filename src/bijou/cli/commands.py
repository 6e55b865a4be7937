"""The tree of commands; each command's code is imported when it runs."""

import importlib
from typing import Any

import click

import bijou as package

_PLACES = {
    "ads": "bijou.cli.ads:ads",
    "audience": "bijou.cli.audience:audience",
    "abr": "bijou.cli.abr:abr",
    "codecs": "bijou.cli.codecs:codecs",
    "config": "bijou.cli.reference:config",
    "demo": "bijou.cli.serving:demo",
    "drill": "bijou.cli.drills:drill",
    "encode": "bijou.cli.encoding:encode",
    "deploy": "bijou.cli.deploying:deploy",
    "fill": "bijou.cli.filling:fill",
    "fs": "bijou.cli.mounting:fs",
    "reference": "bijou.cli.reference:reference",
    "run": "bijou.cli.serving:run",
    "serve": "bijou.cli.serving:serve",
    "sign-in": "bijou.cli.uploading:sign_in",
    "status": "bijou.cli.serving:status",
    "swarm": "bijou.cli.swarm:swarm",
    "upload": "bijou.cli.uploading:upload",
}


class _Tree(click.Group):
    """Commands by the place of their code, so that `bijou run edge` imports no uploads."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in _PLACES:
            return None
        module, _, name = _PLACES[cmd_name].partition(":")
        command: Any = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None


@click.command(cls=_Tree, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package.__version__, prog_name="bijou")
def bijou() -> None:
    """A video streaming service of your own, whole on one machine.

    \b
    bijou demo                start everything, with sample titles
    bijou upload film.mp4     put a film on it
    """
