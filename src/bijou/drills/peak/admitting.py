"""Accounts for those who sign in."""

import asyncio
from dataclasses import dataclass
from typing import Final

from bijou.accounts import NewUser
from bijou.drills.swarm import NoAnswer, connect
from bijou.ports import Clock, EngineUnavailable, Role
from bijou.runtime import codec

_PATIENCE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Name:
    """Who signs in."""

    name: str
    password: str


async def admit(site: str, token: str, count: int, *, clock: Clock) -> list[Name]:
    """Let people in, and return what they sign in with.

    Args:
        token: An operator's.

    Raises:
        EngineUnavailable: `drills.nobody_admitted`.
    """
    names = [Name(f"drill-{number}", f"a long evening {number}") for number in range(count)]
    shown = f"Authorization: Bearer {token}\r\n"
    try:
        async with asyncio.timeout(_PATIENCE_S):
            line = await connect(site, lambda: clock.monotonic_ns() / 1e9)
            try:
                for one in names:
                    body = codec.encode(NewUser(one.name, one.password, [Role.VIEWER]))
                    got = await line.post("/api/users", body, "application/json", keep=True, fields=shown)
                    if got.status != 201:
                        raise NoAnswer(f"{site}/api/users answered {got.status}")
            finally:
                line.close()
    except (NoAnswer, TimeoutError) as error:
        raise EngineUnavailable("drills.nobody_admitted", f"nobody could be let in: {error}") from error
    return names
