"""Commands of people who bring films."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import click

from bijou.app.addresses import flags_to_find, own_server
from bijou.app.settings import Settings
from bijou.cli.terminal import answer, configured, json_option, speaks_plainly, step
from bijou.runtime.invocation import command


def _checked(_context: click.Context, _option: click.Parameter, server: str | None) -> str | None:
    if server is not None:
        place = urlsplit(server)
        if place.scheme not in {"http", "https"} or not place.hostname:
            raise click.BadParameter(f"{server!r} is no address; it is like http://127.0.0.1:8800")
    return server


server_option = click.option(
    "--server",
    callback=_checked,
    envvar="BIJOU_SERVER",
    help="Address of the control plane.  [BIJOU_SERVER; default: the one of the data folder]",
)
installation_options = configured("house.data_dir", "control.host", "control.port", "control.public_url")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Name of the title; by default made from the file's.")
@click.option("--synopsis", default="", help="A sentence or two about it.")
@server_option
@json_option
@speaks_plainly
@installation_options
def upload(
    file: Path, name: str, synopsis: str, server: str | None, config: Settings, *, as_json: bool
) -> None:
    """Send a film, wait until it can be watched, and print its address.

    \b
    bijou upload sintel.mp4
    bijou upload holiday.mov --name "Holiday by the sea"
    """
    from bijou.cli import sending  # noqa: PLC0415 - what only this command needs

    server = server or own_server(config)
    token = sending.token_for(server, config)
    sent = asyncio.run(sending.send(file, name=name, synopsis=synopsis, server=server, token=token))
    answer(sent, sent.address, as_json=as_json)
    step("next", f"open it in a browser; `{command('status' + flags_to_find(config))}` says what runs")


@click.command("sign-in")
@click.argument("name")
@click.option(
    "--password",
    prompt=True,
    hide_input=True,
    envvar="BIJOU_PASSWORD",
    help="Asked for if not given.  [BIJOU_PASSWORD]",
)
@server_option
@speaks_plainly
@installation_options
def sign_in(name: str, password: str, server: str | None, config: Settings) -> None:
    """Sign in from the command line; the token is kept with mode 0600.

    \b
    bijou sign-in operator
    bijou sign-in anna@example.org --server https://films.example.org
    """
    from bijou.cli import sending  # noqa: PLC0415 - what only this command needs

    kept = asyncio.run(sending.sign_in(name, password, server=server or own_server(config)))
    step("signed in", f"as {name}; token in {kept}")
