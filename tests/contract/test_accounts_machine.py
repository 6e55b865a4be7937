"""Sessions against a model of them: a token stands for its person until it ends, and never after."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, rule

from bijou.accounts import NewUser, SignedIn, SignIn
from bijou.accounts.passwords import Passwords
from bijou.accounts.service import AccountsService
from bijou.ports import ANONYMOUS, Credentials, Instant, Overloaded, Role, Unauthenticated
from tests.contract.machines import SHORT, ServiceMachine

SESSION_S = 100
WINDOW_S = 60
ATTEMPTS = 3
NAMES = st.sampled_from(["ada", "grace"])


class Sessions(ServiceMachine):
    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.ends_at: dict[str, tuple[str, Instant]] = {}
        self.failed_at: dict[str, list[int]] = {"ada": [], "grace": []}
        self.peers = 0
        self.accounts = AccountsService(
            self.records,
            self.clock,
            self.chance,
            passwords=Passwords(time_cost=1, memory_kib=8, lanes=1),
            session_s=SESSION_S,
            attempts=ATTEMPTS,
            attempts_window_s=WINDOW_S,
        )

    @initialize()
    def people(self) -> None:
        for name in self.failed_at:
            self.run(self.accounts.create(NewUser(name, f"password of {name}", [Role.VIEWER])))

    def locked(self, name: str) -> bool:
        now_ns = self.clock.monotonic_ns()
        return sum(now_ns - at < WINDOW_S * 10**9 for at in self.failed_at[name]) >= ATTEMPTS

    def try_to_sign_in(self, name: str, password: str) -> SignedIn:
        self.peers += 1  # each from an address of its own, so that names alone are counted
        return self.run(self.accounts.sign_in(SignIn(name, password), peer=f"peer {self.peers}"))

    @rule(target=sessions, name=NAMES)
    def sign_in(self, name: str) -> str:
        if self.locked(name):
            with pytest.raises(Overloaded):
                self.try_to_sign_in(name, f"password of {name}")
            return "never issued"
        signed_in = self.try_to_sign_in(name, f"password of {name}")
        assert signed_in.token not in self.ends_at
        self.ends_at[signed_in.token] = (name, signed_in.expires_at)
        return signed_in.token

    @rule(name=NAMES)
    def sign_in_wrongly(self, name: str) -> None:
        locked = self.locked(name)
        with pytest.raises(Overloaded if locked else Unauthenticated):
            self.try_to_sign_in(name, "not the password")
        if not locked:
            self.failed_at[name].append(self.clock.monotonic_ns())

    @rule(token=sessions)
    def sign_out(self, token: str) -> None:
        self.run(self.accounts.sign_out(token))
        if token in self.ends_at:
            self.ends_at[token] = (self.ends_at[token][0], self.clock.now())

    @rule(seconds=st.sampled_from([1, WINDOW_S - 1, SESSION_S - 1]))
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def a_token_stands_for_its_person_until_it_ends(self) -> None:
        for token, (name, ends_at) in self.ends_at.items():
            caller = self.run(self.accounts.principal(Credentials(session=token)))
            if self.clock.now() < ends_at:
                assert (caller.name, bool(caller.csrf)) == (name, True)
            else:
                assert caller == ANONYMOUS


TestSessions = Sessions.TestCase
TestSessions.settings = SHORT
