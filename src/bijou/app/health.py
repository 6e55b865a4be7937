"""What every service has in common: it says when it is ready, and how it is."""

from collections.abc import Callable

import bijou
from bijou.ports import Role
from bijou.runtime.http import Call, Endpoint, Route

Ready = Callable[[], None]

HEALTH = Endpoint(
    method="GET",
    path="/healthz",
    role=Role.ANYONE,
    summary="Whether the service is well, its version, and what it counts.",
    gives=dict[str, object],
)


def health_route(service: str, statistics: Callable[[], object]) -> Route:
    """Return the row that every service has."""

    async def health(_: Call) -> dict[str, object]:
        return {
            "service": service,
            "version": bijou.__version__,
            "healthy": True,
            "statistics": statistics(),
        }

    return HEALTH.bind(health)
