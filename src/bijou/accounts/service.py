"""Accounts on records: sign-in, sessions, people, profiles."""

import asyncio
import base64
import hmac
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import TypeVar

from sqlalchemy import Connection

from bijou.accounts import model, store
from bijou.accounts.api import NewUser, Profile, SignedIn, SignIn, User, Whoami
from bijou.accounts.attempts import Attempts
from bijou.accounts.passwords import Passwords
from bijou.ports import (
    ANONYMOUS,
    Clock,
    Conflict,
    Credentials,
    EngineUnavailable,
    NotFound,
    Overloaded,
    Principal,
    Records,
    Role,
    Unauthenticated,
    new_id,
)
from bijou.runtime.guard import Turns, TurnStatistics
from bijou.runtime.peers import household

T = TypeVar("T")

_SERVICE = Principal(id="service", name="service", roles=frozenset({Role.SERVICE}))


class AccountsService:
    """`Accounts` that keeps people in records.

    A session's token is known to its holder alone; what is kept recognises it
    and cannot be turned back. Sign-ins that fail are counted by name and by
    peer, so whoever tries names is stopped as soon as whoever tries passwords;
    it also means that others can lock a name for a window. Passwords are what
    is dear here: few are hashed at a time, in threads, and when everybody signs
    in at once those beyond a short line are told when to come back. Whoever has
    a session already needs none of that.

    Threads: one event loop.

    Args:
        chance: Draws tokens; `random.SystemRandom` in production.
        service_key: What services show as their bearer token; empty: no service
            is let in.
        session_s: Seconds that a sign-in lasts.
        attempts: Failed sign-ins a name, and a peer, in each `attempts_window_s`.
        turns: Whose turn it is to have a password hashed; None: two at a time.
    """

    def __init__(
        self,
        records: Records,
        clock: Clock,
        chance: Random,
        *,
        passwords: Passwords | None = None,
        service_key: str = "",
        session_s: float = 14 * 86400.0,
        attempts: int = 10,
        attempts_window_s: float = 300.0,
        turns: Turns | None = None,
    ) -> None:
        self._records = records
        self._clock = clock
        self._chance = chance
        self._passwords = passwords or Passwords()
        self._service_key = service_key
        self._session_s = session_s
        self._attempts = Attempts(attempts, round(attempts_window_s * 1e9))
        self._turns = turns or Turns(clock, chance, everybody_signs_in)

    async def sign_in(self, sign_in: SignIn, *, peer: str) -> SignedIn:
        """Open a session; takes as long for a name that nobody has."""
        name, home = model.folded(sign_in.name), household(peer)
        tried = [f"name {name}", f"peer {home}"]
        self._count(tried, made=False)
        found = await self._records.read(lambda db: store.user_named(db, name))
        user, kept = found or (None, None)

        async def checked() -> bool:
            self._count(tried)  # not before: who waits in line has not tried yet
            matches = await asyncio.to_thread(self._passwords.matches, kept, sign_in.password)
            for key in tried if matches else ():
                self._attempts.forgive(key)
            return matches

        if not await self._turns.run(home, checked) or user is None or kept is None:
            raise Unauthenticated("accounts.wrong_password", "no account has this name and password")
        if self._passwords.outdated(kept):
            with suppress(EngineUnavailable):  # everybody signs in just now: the next time will do
                fresh = await self._in_turn("", lambda: self._passwords.hashed(sign_in.password))
                await self._records.write(lambda db: store.rehash(db, user.id, fresh))
        return await self._open_session(user)

    def sign_ins(self) -> TurnStatistics:
        """Return how many have their password checked, wait for it, and were sent away."""
        return self._turns.statistics()

    async def sign_out(self, token: str) -> None:
        """End a session; nothing happens where there is none."""
        await self._records.write(lambda db: store.end_session(db, model.fingerprint(token)))

    async def principal(self, credentials: Credentials) -> Principal:
        """Return the caller; a cookie that is no longer good is nobody's."""
        if credentials.bearer:
            return await self._of_bearer(credentials.bearer)
        if not credentials.session:
            return ANONYMOUS
        user = await self._user_of(credentials.session)
        return _principal(user, csrf=model.csrf_of(credentials.session)) if user else ANONYMOUS

    async def whoami(self, principal: Principal) -> Whoami:
        """Describe the caller."""
        profiles = (
            await self._records.read(lambda db: store.profiles(db, principal.id)) if principal.id else []
        )
        return Whoami(
            id=principal.id,
            name=principal.name,
            roles=sorted(principal.roles),
            csrf=principal.csrf,
            profiles=profiles,
        )

    async def create(self, new: NewUser) -> User:
        """Add a person."""
        new = model.checked(new)
        kept = await self._in_turn("", lambda: self._passwords.hashed(new.password))
        user = User(new_id("usr", self._clock, self._chance), new.name, new.roles, self._clock.now())
        if not await self._records.write(lambda db: store.add_user(db, user, kept)):
            raise Conflict("accounts.name_taken", f"the name {new.name} is taken; choose another")
        return user

    async def users(self) -> list[User]:
        """Return all people, by name."""
        return await self._records.read(store.users)

    async def add_profile(self, principal: Principal, name: str) -> Profile:
        """Add a viewer's profile; at most five a person."""
        profile_id = new_id("prf", self._clock, self._chance)
        name = model.profile_name(name)

        def work(db: Connection) -> Profile:
            if not store.user_exists(db, principal.id):
                raise NotFound("accounts.no_user", f"{principal.name or 'a guest'} has no account to add to")
            there = store.profiles(db, principal.id)
            if len(there) >= model.MAX_PROFILES:
                raise Conflict(
                    "accounts.too_many_profiles",
                    f"there are {len(there)} profiles; an account has at most five",
                )
            if name in (each.name for each in there):
                raise Conflict(
                    "accounts.profile_taken", f"there is a profile named {name}; choose another name"
                )
            profile = Profile(profile_id, name, model.PROFILE_COLOURS[len(there)])
            store.add_profile(db, principal.id, profile)
            return profile

        return await self._records.write(work)

    async def ensure_operator(self, name: str, password: str, *, insist: bool = False) -> None:
        """Make an operator with all human roles where nobody has this name.

        Args:
            insist: Whether somebody of this name gets this password, too, and
                loses the sessions that were opened with another.
        """
        found = await self._records.read(lambda db: store.user_named(db, model.folded(name)))
        if found is None:
            await self.create(NewUser(name, password, list(model.HUMAN_ROLES)))
            return
        user, kept = found
        if insist and not await self._in_turn("", lambda: self._passwords.matches(kept, password)):
            model.check_password(password)
            fresh = await self._in_turn("", lambda: self._passwords.hashed(password))
            await self._records.write(lambda db: store.change_password(db, user.id, fresh))

    async def _in_turn(self, key: str, work: Callable[[], T]) -> T:
        """Do dear work in a thread, in the line of its key; those who look after accounts have none."""
        return await self._turns.run(key, lambda: asyncio.to_thread(work))

    def _count(self, tried: list[str], *, made: bool = True) -> None:
        now_ns = self._clock.monotonic_ns()
        wait_ns = max(self._attempts.wait_ns(key, now_ns, count=False) for key in tried)
        if wait_ns:
            raise Overloaded(
                "accounts.too_many_attempts",
                f"too many sign-ins failed for this name or from this address; wait {wait_ns / 1e9:.0f} s",
                retry_after_s=wait_ns / 1e9,
            )
        for key in tried if made else ():
            self._attempts.wait_ns(key, now_ns)

    async def _open_session(self, user: User) -> SignedIn:
        token = base64.urlsafe_b64encode(self._chance.randbytes(32)).decode().rstrip("=")
        now = self._clock.now()
        expires_at = now.plus_s(self._session_s)
        kept = model.fingerprint(token)
        await self._records.write(lambda db: store.add_session(db, kept, user.id, now, expires_at))
        return SignedIn(token, model.csrf_of(token), user, expires_at, self._session_s)

    async def _of_bearer(self, token: str) -> Principal:
        if self._service_key and hmac.compare_digest(token.encode(), self._service_key.encode()):
            return _SERVICE
        user = await self._user_of(token)
        if user is None:
            raise Unauthenticated(
                "accounts.bad_token", "the bearer token is not, or no longer, good; sign in again"
            )
        return _principal(user)

    async def _user_of(self, token: str) -> User | None:
        now = self._clock.now()
        return await self._records.read(lambda db: store.user_of_session(db, model.fingerprint(token), now))


def everybody_signs_in(away_s: float) -> EngineUnavailable:
    """Return what those are told who would have to wait for too long."""
    return EngineUnavailable(
        "accounts.sign_in_busy",
        f"everybody signs in just now; try again in {away_s:.0f} s",
        retry_after_s=away_s,
    )


def _principal(user: User, csrf: str = "") -> Principal:
    return Principal(id=user.id, name=user.name, roles=frozenset(user.roles), csrf=csrf)
