"""People, their roles and their sessions, as other rooms see them."""

from typing import Protocol

import msgspec

from bijou.ports import Authenticator, Instant, Principal, Role


class NewUser(msgspec.Struct, frozen=True):
    """A person to be let in.

    Args:
        name: The sign-in name: 1 to 64 of `a-z 0-9 . _ -`, or an e-mail address.
        password: 10 to 256 characters.
    """

    name: str
    password: str
    roles: list[Role] = []

    def __repr__(self) -> str:
        return f"NewUser(name={self.name!r}, roles={self.roles!r})"


class User(msgspec.Struct, frozen=True):
    """A person who may sign in."""

    id: str
    name: str
    roles: list[Role]
    created_at: Instant


class SignIn(msgspec.Struct, frozen=True):
    """What the sign-in form sends."""

    name: str
    password: str

    def __repr__(self) -> str:
        return f"SignIn(name={self.name!r})"


class SignedIn(msgspec.Struct, frozen=True):
    """A new session.

    Args:
        token: The secret: a cookie for browsers, a bearer token for the command line.
        csrf: What a browser repeats in `X-CSRF-Token` on every change.
        lasts_s: Seconds from now until `expires_at`.
    """

    token: str
    csrf: str
    user: User
    expires_at: Instant
    lasts_s: float = 0.0

    def __repr__(self) -> str:
        return f"SignedIn(user={self.user!r}, expires_at={self.expires_at!r})"


class Profile(msgspec.Struct, frozen=True):
    """One of the people behind one account's screen."""

    id: str
    name: str
    colour: str = "#ffb84d"


class Whoami(msgspec.Struct, frozen=True):
    """The caller as the site needs to know them; `name` is empty for a guest."""

    id: str
    name: str
    roles: list[Role]
    csrf: str = ""
    profiles: list[Profile] = []

    def __repr__(self) -> str:
        return f"Whoami(id={self.id!r}, name={self.name!r}, roles={self.roles!r}, profiles={self.profiles!r})"


class Accounts(Authenticator, Protocol):
    """Who may come in, and as what."""

    async def sign_in(self, sign_in: SignIn, *, peer: str) -> SignedIn:
        """Open a session.

        Raises:
            Unauthenticated: `accounts.wrong_password`; the same words for an unknown name.
            Overloaded: `accounts.too_many_attempts`, by name and by peer.
            EngineUnavailable: `accounts.sign_in_busy`, everybody signs in just
                now; come back after `retry_after_s`.
        """
        ...

    async def sign_out(self, token: str) -> None:
        """End a session; nothing happens where there is none."""
        ...

    async def whoami(self, principal: Principal) -> Whoami:
        """Describe the caller."""
        ...

    async def create(self, new: NewUser) -> User:
        """Add a person.

        Raises:
            InvalidRequest: `accounts.bad_name`, `accounts.bad_password`,
                `accounts.bad_role`.
            Conflict: `accounts.name_taken`.
        """
        ...

    async def users(self) -> list[User]:
        """Return all people, by name."""
        ...

    async def add_profile(self, principal: Principal, name: str) -> Profile:
        """Add a viewer's profile; at most five a person.

        Raises:
            InvalidRequest: `accounts.bad_profile`.
            Conflict: `accounts.too_many_profiles`, `accounts.profile_taken`.
            NotFound: `accounts.no_user`, the caller is no person (a service).
        """
        ...
