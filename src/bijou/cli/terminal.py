"""How commands speak: answers, steps, errors, and flags made from settings."""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from bijou.app import rules
from bijou.app.settings import Settings
from bijou.ports import BijouBug, BijouError, EngineUnavailable, Overloaded
from bijou.runtime import codec, settings

NO, USAGE, ENVIRONMENT = 1, 2, 3


def answer(value: object, text: str, *, as_json: bool) -> None:
    """Write a command's answer: JSON for programs, or a text for people."""
    click.echo(codec.encode(value).decode() if as_json else text)


def step(name: str, facts: str) -> None:
    """Tell of the journey: a word and its facts."""
    click.echo(f"{click.style(f'{name:<9}', dim=True)} {facts}", err=True)


def refuse(error: BijouError) -> NoReturn:
    """Say what is wrong and end with the status that fits who must act."""
    click.echo(f"{click.style('bijou:', fg='red')} {error.detail} ({error.code})", err=True)
    kind = error.code.partition(".")[0]
    if kind == "settings":
        raise click.exceptions.Exit(USAGE)
    waiting = isinstance(error, EngineUnavailable | Overloaded | BijouBug) or kind == "runtime"
    raise click.exceptions.Exit(ENVIRONMENT if waiting else NO)


def speaks_plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn our errors into a sentence and an exit status."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except BijouError as error:
            refuse(error)
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            raise click.exceptions.Exit(130) from None

    return wrapped


def configured(*wishes: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command `--config` and a flag for every setting that it wishes for.

    The command gets one argument, `config: Settings`.

    Args:
        wishes: Sections, such as `edge`, and single settings, such as `edge.port`.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def wrapped(config: Path | None, **given: Any) -> Any:
            flags = {}
            for setting in wanted:
                value = given.pop(setting.flag[2:].replace("-", "_"))
                if value is not None:
                    flags[setting.flag] = value
            return command(config=read_settings(config, flags), **given)

        wanted = [
            s for s in settings.settings_of(Settings) if {s.section, f"{s.section}.{s.name}"} & set(wishes)
        ]
        for setting in reversed(wanted):
            default = ",".join(setting.default) if isinstance(setting.default, list) else setting.default
            shown = f"  [{setting.env}; default: {default if default != '' else 'empty'}]"
            wrapped = click.option(setting.flag, metavar="VALUE", help=setting.describes + shown)(wrapped)
        return config_option(wrapped)

    return decorate


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="BIJOU_CONFIG",
    help="TOML file of settings; `bijou config` prints one.  [BIJOU_CONFIG]",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def read_settings(file: Path | None, flags: dict[str, str] | None = None) -> Settings:
    """Return the settings in force, checked: flag over environment over file over default."""
    return rules.check(settings.load(Settings, file=file, environ=os.environ, flags=flags))


def write_text(path: Path, text: str) -> None:
    """Write a file that was asked for, its folder made where it is missing.

    Raises:
        EngineUnavailable: `cli.unwritable`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EngineUnavailable("cli.unwritable", f"{path} cannot be written: {error.strerror}") from error


def interactive() -> bool:
    """Tell whether a person watches stderr, so that bars are worth drawing."""
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ
