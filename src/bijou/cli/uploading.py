"""Commands of people who bring films."""

import asyncio
from pathlib import Path

import click

from bijou.cli.terminal import answer, config_option, json_option, read_settings, speaks_plainly, step

_server_option = click.option(
    "--server",
    default="http://127.0.0.1:8800",
    envvar="BIJOU_SERVER",
    help="Address of the control plane.  [BIJOU_SERVER; default: http://127.0.0.1:8800]",
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Name of the title; by default made from the file's.")
@click.option("--synopsis", default="", help="A sentence or two about it.")
@_server_option
@config_option
@json_option
@speaks_plainly
def upload(file: Path, name: str, synopsis: str, server: str, config: Path | None, *, as_json: bool) -> None:
    """Send a film, wait until it can be watched, and print its address.

    \b
    bijou upload sintel.mp4
    bijou upload holiday.mov --name "Holiday by the sea"
    """
    from bijou.cli import sending  # noqa: PLC0415 - what only this command needs

    token = sending.token_for(server, Path(read_settings(config).house.data_dir))
    sent = asyncio.run(sending.send(file, name=name, synopsis=synopsis, server=server, token=token))
    answer(sent, sent.address, as_json=as_json)
    step("next", "open it in a browser; `bijou status` says what runs")


@click.command("sign-in")
@click.argument("name")
@click.option(
    "--password",
    prompt=True,
    hide_input=True,
    envvar="BIJOU_PASSWORD",
    help="Asked for if not given.  [BIJOU_PASSWORD]",
)
@_server_option
@speaks_plainly
def sign_in(name: str, password: str, server: str) -> None:
    """Sign in from the command line; the token is kept with mode 0600.

    \b
    bijou sign-in operator
    bijou sign-in anna@example.org --server https://films.example.org
    """
    from bijou.cli import sending  # noqa: PLC0415 - what only this command needs

    kept = asyncio.run(sending.sign_in(name, password, server=server))
    step("signed in", f"as {name}; token in {kept}")
