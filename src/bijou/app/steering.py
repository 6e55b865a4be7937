"""Steering as settings describe it."""

from random import Random

import msgspec

from bijou.app.keys import token_keys
from bijou.app.rules import edges_of, weights_of
from bijou.app.settings import Settings
from bijou.delivery import Pathway, Pathways, Patience, States, Steerer, Tempo, TokenKeys
from bijou.ports import Clock


def steering_keys(settings: Settings, clock: Clock, chance: Random) -> TokenKeys:
    """Return the keys that sign what steering hands out: those of tokens, asked for or not."""
    with_tokens = msgspec.structs.replace(settings.delivery, tokens=True)
    keys = token_keys(msgspec.structs.replace(settings, delivery=with_tokens), clock, chance)
    assert keys is not None
    return keys


def states_of(settings: Settings, clock: Clock, chance: Random) -> States | None:
    """Return what begins the state of a session; None where nobody steers."""
    return States(steering_keys(settings, clock, chance), clock) if settings.steering.enabled else None


def steerer_of(
    settings: Settings, clock: Clock, chance: Random, *, keys: TokenKeys | None = None, own: str = ""
) -> Steerer | None:
    """Return what answers players; None where nobody steers.

    Args:
        keys: Of the edge beside it, which knows who proved what; None: read anew.
        own: Region of the edge beside it.
    """
    steering = settings.steering
    if not steering.enabled:
        return None
    capacity, cost = weights_of(settings, "capacity"), weights_of(settings, "cost")
    pathways = [
        Pathway(region, address, capacity.get(region), cost.get(region, 1.0))
        for region, address in edges_of(settings)
    ]
    patience = Patience(hold_s=steering.hold_s, ramp_s=steering.ramp_s)
    return Steerer(
        Pathways(pathways, clock, patience, own=own),
        keys or steering_keys(settings, clock, chance),
        clock,
        tokens=settings.delivery.tokens,
        tempo=Tempo(steering.ttl_s, steering.incident_ttl_s),
        locality=steering.locality,
        own_url=steering.url,
        voices=steering.voices,
        proxies=settings.edge.trusted_proxies,
    )
