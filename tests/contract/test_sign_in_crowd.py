"""Everybody signs in at once: a short line, a moment to come back, and nobody else notices."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from starlette.requests import ClientDisconnect, Request

from bijou.accounts import NewUser, SignedIn, SignIn
from bijou.accounts.passwords import Passwords
from bijou.accounts.service import AccountsService, everybody_signs_in
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import Credentials, EngineUnavailable, Overloaded, Role, Unauthenticated, VirtualClock
from bijou.runtime.guard import Turns
from bijou.runtime.http.leaving import while_there

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
ADA = SignIn("ada", PASSWORD)
WRONG = SignIn("ada", "not this one at all")


class SlowPasswords(Passwords):
    """Checks that take until the test lets them go, one after the other or all at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_kib=8, lanes=1)
        self.checks = 0
        self.running = 0
        self.most = 0
        self.slow = False
        self.go = threading.Event()
        self._lock = threading.Lock()

    def matches(self, kept: str | None, password: str) -> bool:
        with self._lock:
            self.checks += 1
            self.running += 1
            self.most = max(self.most, self.running)
        if self.slow:
            assert self.go.wait(20)
        try:
            return super().matches(kept, password)
        finally:
            with self._lock:
                self.running -= 1


class Crowd:
    """A service at which everybody signs in at once, and ada, who is signed in."""

    def __init__(self, records: SqliteRecords, clock: VirtualClock, chance: Random) -> None:
        self.passwords = SlowPasswords()
        turns = Turns(clock, Random(1), everybody_signs_in, at_once=2, room=3)
        self.service = AccountsService(
            records, clock, chance, passwords=self.passwords, attempts=3, attempts_window_s=60, turns=turns
        )

    async def stands(self) -> SignedIn:
        await self.service.create(NewUser("ada", PASSWORD, [Role.VIEWER]))
        signed_in = await self.service.sign_in(ADA, peer="10.0.0.1")
        self.passwords.checks, self.passwords.slow = 0, True
        return signed_in

    def sign_in(self, peer: str, sign_in: SignIn = ADA) -> "asyncio.Task[SignedIn]":
        return asyncio.create_task(self.service.sign_in(sign_in, peer=peer))


@pytest.fixture
def crowd(records: SqliteRecords, clock: VirtualClock, chance: Random) -> Crowd:
    return Crowd(records, clock, chance)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 - records answer from threads
            await asyncio.sleep(0)  # noqa: TID251 - lets them


async def test_a_crowd_is_told_when_to_come_back_and_whoever_is_signed_in_goes_on(crowd: Crowd) -> None:
    ada = await crowd.stands()
    everyone = [crowd.sign_in(f"10.0.1.{number}") for number in range(12)]
    await until(lambda: sum(one.done() for one in everyone) == 7)

    assert (await crowd.service.principal(Credentials(session=ada.token))).name == "ada"
    assert crowd.passwords.running == 2
    for one in everyone:
        if one.done():
            refusal = one.exception()
            assert isinstance(refusal, EngineUnavailable)
            assert (refusal.code, refusal.status) == ("accounts.sign_in_busy", 503)
            assert refusal.retry_after_s
            assert refusal.retry_after_s >= 1
    crowd.passwords.go.set()
    let_in = [one for one in everyone if not one.done()]
    assert {signed_in.user.name for signed_in in await asyncio.gather(*let_in)} == {"ada"}
    assert crowd.passwords.most == 2


async def test_all_behind_one_address_may_sign_in_in_the_same_moment(crowd: Crowd) -> None:
    await crowd.stands()
    everyone = [crowd.sign_in("10.0.0.9") for _ in range(5)]
    await until(lambda: crowd.passwords.running == 2)
    crowd.passwords.go.set()

    assert len({signed_in.token for signed_in in await asyncio.gather(*everyone)}) == 5


async def test_guesses_that_wait_in_line_are_counted_before_they_are_checked(crowd: Crowd) -> None:
    await crowd.stands()
    guesses = [crowd.sign_in("10.0.0.9", WRONG) for _ in range(5)]
    await until(lambda: crowd.passwords.running == 2)
    crowd.passwords.go.set()

    refusals = await asyncio.gather(*guesses, return_exceptions=True)

    kinds = Counter(type(refusal) for refusal in refusals)
    assert kinds == {Unauthenticated: 3, Overloaded: 2}
    assert crowd.passwords.checks == 3


async def test_an_address_with_a_crowd_of_guesses_does_not_keep_others_out(crowd: Crowd) -> None:
    await crowd.stands()
    guesses = [crowd.sign_in("10.0.0.9", SignIn(f"n{number}", "x" * 10)) for number in range(5)]
    await until(lambda: crowd.passwords.running == 2)
    ada = crowd.sign_in("10.0.0.1")
    await until(lambda: any(guess.done() for guess in guesses))
    crowd.passwords.go.set()

    assert (await ada).user.name == "ada"
    assert EngineUnavailable in {
        type(refusal) for refusal in await asyncio.gather(*guesses, return_exceptions=True)
    }


async def test_nobodys_password_is_checked_for_who_has_hung_up(crowd: Crowd) -> None:
    await crowd.stands()
    people = [crowd.sign_in(f"10.0.1.{number}") for number in range(2)]
    await until(lambda: crowd.passwords.running == 2)
    scope = {
        "type": "http", "method": "POST", "path": "/api/sign-in", "query_string": b"", "headers": [],
        "client": ("10.0.0.1", 1),
    }  # fmt: skip
    messages = asyncio.Queue[dict[str, str]]()
    request = Request(scope, messages.get)
    waits = asyncio.create_task(while_there(request, crowd.service.sign_in(ADA, peer="10.0.0.1")))
    await until(lambda: crowd.service.sign_ins().waiting == 1)
    messages.put_nowait({"type": "http.disconnect"})

    with pytest.raises(ClientDisconnect):
        await waits
    crowd.passwords.go.set()
    await asyncio.gather(*people)

    assert crowd.passwords.checks == 2


async def test_homes_are_counted_and_not_single_addresses_of_ipv6(crowd: Crowd) -> None:
    await crowd.stands()
    crowd.passwords.go.set()
    for number in range(3):
        with pytest.raises(Unauthenticated):
            await crowd.sign_in(f"2001:db8::{number}", SignIn(f"n{number}", "x" * 10))

    with pytest.raises(Overloaded):
        await crowd.sign_in("2001:db8::ffff", ADA)
    assert (await crowd.sign_in("2001:db8:0:1::1", ADA)).user.name == "ada"


async def test_who_is_refused_for_its_address_has_not_tried_the_name(crowd: Crowd) -> None:
    await crowd.stands()
    guesses = [crowd.sign_in("10.0.0.9", SignIn(f"n{number}", "x" * 10)) for number in range(3)]
    await until(lambda: crowd.service.sign_ins().waiting == 1)
    refused = crowd.sign_in("10.0.0.9")
    await until(lambda: crowd.service.sign_ins().waiting == 2)
    crowd.passwords.go.set()
    await asyncio.gather(*guesses, return_exceptions=True)
    with pytest.raises(Overloaded):
        await refused

    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await crowd.sign_in("10.0.0.1", WRONG)
