"""Keys that change while an edge runs: states are read by the newest, with tokens asked for or not."""

import pytest

from bijou.delivery.service import looks_at_the_time
from bijou.delivery.steering import Pathway, Pathways, Standing, States, Steerer
from bijou.delivery.tokens import TokenKey, TokenKeys
from bijou.delivery.upstream import Upstream
from bijou.delivery.wire import Request
from bijou.ports import VirtualClock

OLD, NEW = TokenKey("k1", bytes(32)), TokenKey("k2", bytes(range(32)))


@pytest.mark.parametrize("tokens", [True, False])
def test_an_edge_reads_what_a_new_key_signed_whether_it_asks_for_tokens_or_not(*, tokens: bool) -> None:
    clock, held = VirtualClock(), [OLD]
    keys = TokenKeys(lambda: held, clock)
    steerer = Steerer(Pathways([Pathway("east", "http://e:1")], clock), keys, clock, tokens=tokens)
    upstream = Upstream("http://o:1", clock)
    watched = looks_at_the_time(upstream, keys if tokens else None, steerer)

    held[:] = [NEW]
    for each in watched:
        each.expire(clock.monotonic_ns())

    states = States(TokenKeys(lambda: [NEW], clock), clock)
    state = states.write(Standing("ses_1", "east", "east", 60))
    answer = steerer.answer(Request("GET", f"/steer/{state}", {}))
    assert answer is not None
    assert answer.status == 200


def test_an_edge_that_neither_asks_for_tokens_nor_steers_has_its_origin_to_look_after() -> None:
    upstream = Upstream("http://o:1", VirtualClock())

    assert looks_at_the_time(upstream, None, None) == [upstream]
