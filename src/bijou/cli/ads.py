"""Commands of ad operations on an installation's own records."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from bijou.app.settings import Settings
from bijou.cli.terminal import answer, configured, json_option, speaks_plainly, step
from bijou.ports import Instant, InvalidRequest
from bijou.runtime.invocation import command

if TYPE_CHECKING:
    from bijou.ads.matching.service import Answer, Judged


@click.group()
def ads() -> None:
    """Campaigns and line items: what may serve where, and why not.

    \b
    bijou ads explain --viewer user-0000000042 --break brk_… --fact country=DE
    bijou ads explain --fact device=tv --at 2026-12-24T20:00:00Z
    """


@ads.command("explain")
@json_option
@speaks_plainly
@configured("house.data_dir")
@click.option("--viewer", default="", help="Whose profile to take.  [default: a stranger]")
@click.option("--break", "break_id", default="", help="Record of the break; tells placement and title.")
@click.option("--fact", "facts", multiple=True, help="What else is known: dimension=value; repeat for more.")
@click.option("--at", default="", help="Moment, RFC 3339.  [default: now]")
@click.option("--line-item", "only", default="", help="Only this line item, by record or name.")
def explain(
    config: Settings,
    viewer: str,
    break_id: str,
    facts: Sequence[str],
    at: str,
    only: str,
    *,
    as_json: bool,
) -> None:
    """Tell of every line item whether it may serve, and the first reason why not.

    \b
    bijou ads explain --viewer user-0000000042 --break brk_… --fact country=DE
    bijou ads explain --fact country=DE --fact genre=noir,war --line-item 'Spring, TV'
    """
    from bijou.app.explaining import explained  # noqa: PLC0415 - numpy, which other commands need not

    told = asyncio.run(
        explained(config, viewer, break_id, dict(map(_fact, facts)), _instant(at) if at else None)
    )
    if only:
        kept = [each for each in told.verdicts if only in {each.line_item, each.name}]
        if not kept:
            raise InvalidRequest("ads.no_line_item", f"no line item {only!r} among {len(told.verdicts):,}")
        told = msgspec.structs.replace(told, verdicts=kept)
    answer(told, _text(told), as_json=as_json)


@ads.command("sample")
@json_option
@speaks_plainly
@configured("house.data_dir")
@click.option("--audience", default="", help="One that line items are to ask for, and to rule out.")
def sample(config: Settings, audience: str, *, as_json: bool) -> None:
    """Make a campaign that nobody bought, and a break, to try `explain` with.

    \b
    bijou ads sample
    bijou ads sample --audience noir-lovers
    """
    from bijou.app.explaining import sampled  # noqa: PLC0415 - numpy, which other commands need not

    made = asyncio.run(sampled(config, audience))
    answer(made, f"break {made.break_id}, {len(made.line_items)} line items", as_json=as_json)
    step("next", f"`{command(f'ads explain --break {made.break_id} --fact country=DE')}`")


def _fact(word: str) -> tuple[str, str]:
    name, equals, spelled = word.partition("=")
    if not name or not equals:
        raise InvalidRequest("ads.bad_fact", f"--fact {word!r}; it is dimension=value, such as country=DE")
    return name, spelled


def _instant(text: str) -> Instant:
    try:
        return Instant.parse(text)
    except ValueError as error:
        raise InvalidRequest("ads.bad_fact", f"--at: {error}") from None


def _text(told: "Answer") -> str:
    lines = [*map(_line, told.verdicts), f"{told.serving:,} of {told.total:,} line items may serve"]
    if told.degraded:
        lines.append(f"without a profile: {told.degraded}")
    if told.reasons:
        lines.append("out for: " + ", ".join(f"{reason} {count:,}" for reason, count in told.reasons.items()))
    return "\n".join(lines)


def _line(judged: "Judged") -> str:
    verdict = "serves" if judged.may_serve else f"no: {judged.says}"
    return f"{judged.line_item}  {judged.name:<24}  {verdict}"
