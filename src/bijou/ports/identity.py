"""Who is calling, as every room sees it; `accounts` knows the rest."""

from enum import StrEnum
from typing import Protocol

import msgspec


class Role(StrEnum):
    """What a caller may be; a route asks for one of them."""

    ANYONE = "anyone"
    VIEWER = "viewer"
    EDITOR = "editor"
    ADOPS = "adops"
    OPERATOR = "operator"
    SERVICE = "service"


class Principal(msgspec.Struct, frozen=True):
    """The caller of one request.

    Args:
        id: `usr_…`, the name of a service, or empty for nobody in particular.
        name: What to call them.
        roles: Roles held; `ANYONE` is held by all.
        csrf: The token that a cookie's mutating requests must repeat; empty
            where the caller did not come by cookie.
    """

    id: str
    name: str
    roles: frozenset[Role]
    csrf: str = ""

    def __repr__(self) -> str:
        return f"Principal(id={self.id!r}, name={self.name!r}, roles={sorted(self.roles)!r})"

    def may(self, role: Role) -> bool:
        """Tell whether a route that asks for `role` lets this caller in."""
        return role is Role.ANYONE or role in self.roles


ANONYMOUS = Principal(id="", name="", roles=frozenset())


class Credentials(msgspec.Struct, frozen=True):
    """What a request brought to say who sends it; empty strings where nothing."""

    session: str = ""
    bearer: str = ""

    def __repr__(self) -> str:
        held = [kind for kind in ("session", "bearer") if getattr(self, kind)]
        return f"Credentials({', '.join(held)})"


class Authenticator(Protocol):
    """Turns credentials into a caller."""

    async def principal(self, credentials: Credentials) -> Principal:
        """Return the caller; `ANONYMOUS` where the credentials are empty.

        Raises:
            Unauthenticated: a bearer token that is not, or no longer, good.
        """
        ...
