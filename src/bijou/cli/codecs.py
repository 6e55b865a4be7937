"""Commands that add codecs to what is finished."""

import asyncio
from typing import TYPE_CHECKING

import click

from bijou.app.addresses import flags_to_find, own_server
from bijou.app.settings import Settings
from bijou.cli.terminal import answer, json_option, speaks_plainly, step
from bijou.cli.uploading import installation_options, server_option
from bijou.runtime.invocation import command

if TYPE_CHECKING:
    from bijou.encoding import Additions, CodecOrder


@click.group()
def codecs() -> None:
    """Add codecs to titles that are finished.

    \b
    bijou codecs add av1_opus sintel
    bijou codecs add hevc --all
    """


@codecs.command()
@click.argument("recipe")
@click.argument("title", required=False, default="")
@click.option("--all", "everywhere", is_flag=True, help="For every title that lacks it; again, it goes on.")
@click.option(
    "--priority",
    type=click.IntRange(0, 9),
    default=2,
    show_default=True,
    help="Of the work, 0 to 9; uploads have 4.",
)
@server_option
@json_option
@speaks_plainly
@installation_options
def add(
    recipe: str,
    title: str,
    priority: int,
    server: str | None,
    config: Settings,
    *,
    everywhere: bool,
    as_json: bool,
) -> None:
    """Encode one title, or all, by one recipe more; what stands stays, byte for byte.

    \b
    bijou codecs add av1_opus sintel
    bijou codecs add hevc --all --priority 1
    """
    from bijou.cli import sending  # noqa: PLC0415 - what only this command needs
    from bijou.encoding import CodecOrder  # noqa: PLC0415 - as above

    if everywhere == bool(title):
        raise click.UsageError("name a title, or say --all; one of the two")
    server = server or own_server(config)
    order = CodecOrder([recipe], priority)
    added = asyncio.run(_added(server, sending.token_for(server, config), title, order))
    lines = [f"{job.id}  {job.title}" for job in added.jobs]
    answer(added, "\n".join(lines), as_json=as_json)
    _tell(added, recipe)
    step("next", f"watch it at {server}/console/encodes; `{command('status' + flags_to_find(config))}`")


async def _added(server: str, token: str, title: str, order: "CodecOrder") -> "Additions":
    from bijou.app.clients import connected  # noqa: PLC0415 - what only this command needs
    from bijou.encoding import Additions  # noqa: PLC0415 - as above

    async with connected(server, token, timeout_s=600) as clients:
        if not title:
            return await clients.encoding.add_codecs_everywhere(order)
        return Additions(jobs=[await clients.encoding.add_codecs(title, order)])


def _tell(added: "Additions", recipe: str) -> None:
    for count, words in (
        (len(added.jobs), f"will have {recipe}"),
        (len(added.there), "have it, or soon will"),
        (len(added.busy), "are still being encoded; say it again later"),
        (len(added.without_source), "have no uploaded file any more"),
    ):
        if count:
            step("codecs", f"{count} {words}")
