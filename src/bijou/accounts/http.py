"""Accounts over HTTP: the routes, and the client that calls them."""

from contextlib import suppress

import msgspec
from starlette.responses import Response

from bijou.accounts.api import Accounts, NewUser, Profile, SignedIn, SignIn, User, Whoami
from bijou.ports import ANONYMOUS, Credentials, Principal, Role, Unauthenticated
from bijou.runtime import codec
from bijou.runtime.http import SESSION_COOKIE, Call, Endpoint, Route, Wire
from bijou.runtime.http.leaving import while_there
from bijou.runtime.http.server import credentials_of


class SignInQuery(msgspec.Struct, frozen=True):
    """Whether the answer carries the token (for the command line) or sets the cookie."""

    token: bool = False


class NewProfile(msgspec.Struct, frozen=True):
    """What a viewer says of a profile."""

    name: str


SIGN_IN = Endpoint(
    method="POST",
    path="/api/sign-in",
    role=Role.ANYONE,
    summary="Sign in: sets the session's cookie, or with `?token=true` answers with its token.",
    takes=SignIn,
    query=SignInQuery,
    gives=Whoami,
    limit_bytes=4096,
)
SIGN_IN_FOR_TOKEN = msgspec.structs.replace(SIGN_IN, gives=SignedIn)
SIGN_OUT = Endpoint(
    method="POST", path="/api/sign-out", role=Role.ANYONE, summary="End the session.", status=204
)
ME = Endpoint(method="GET", path="/api/me", role=Role.ANYONE, summary="Who is asking.", gives=Whoami)
ADD_PROFILE = Endpoint(
    method="POST",
    path="/api/me/profiles",
    role=Role.VIEWER,
    summary="Add a profile to one's account.",
    takes=NewProfile,
    gives=Profile,
    status=201,
    limit_bytes=4096,
)
USERS = Endpoint(
    method="GET", path="/api/users", role=Role.OPERATOR, summary="All people, by name.", gives=list[User]
)
CREATE_USER = Endpoint(
    method="POST",
    path="/api/users",
    role=Role.OPERATOR,
    summary="Let a person in.",
    takes=NewUser,
    gives=User,
    status=201,
    limit_bytes=4096,
)


def routes(accounts: Accounts) -> list[Route]:
    """Serve accounts."""

    async def sign_in(call: Call) -> Response:
        signed_in = await while_there(call.request, accounts.sign_in(call.body, peer=call.peer))
        if call.query.token:
            return _answer(signed_in)
        caller = await accounts.principal(Credentials(session=signed_in.token))
        response = _answer(await accounts.whoami(caller))
        response.set_cookie(
            SESSION_COOKIE,
            signed_in.token,
            max_age=round(signed_in.lasts_s),  # not a date: browsers' clocks are often wrong
            path="/",
            secure=call.request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return response

    async def sign_out(call: Call) -> Response:
        credentials = credentials_of(call.request)
        await accounts.sign_out(credentials.bearer or credentials.session)
        response = Response(status_code=204)
        response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
        return response

    async def me(call: Call) -> Whoami:
        return await accounts.whoami(call.principal)

    async def add_profile(call: Call) -> Profile:
        return await accounts.add_profile(call.principal, call.body.name)

    async def users(_: Call) -> list[User]:
        return await accounts.users()

    async def create(call: Call) -> User:
        return await accounts.create(call.body)

    return [
        SIGN_IN.bind(sign_in),
        SIGN_OUT.bind(sign_out),
        ME.bind(me),
        ADD_PROFILE.bind(add_profile),
        USERS.bind(users),
        CREATE_USER.bind(create),
    ]


class AccountsClient:
    """`Accounts` of another process.

    Where a method takes a principal, the service goes by the wire's own token
    instead: nobody is believed about who somebody else is. Likewise the peer of
    a sign-in is the caller's address.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def sign_in(self, sign_in: SignIn, *, peer: str) -> SignedIn:  # noqa: ARG002 - the service sees it
        """Open a session."""
        signed_in: SignedIn = await self._wire.call(SIGN_IN_FOR_TOKEN, sign_in, query=SignInQuery(token=True))
        return signed_in

    async def sign_out(self, token: str) -> None:
        """End a session."""
        with suppress(Unauthenticated):  # there is none
            await self._wire.call(SIGN_OUT, credentials=Credentials(bearer=token))

    async def principal(self, credentials: Credentials) -> Principal:
        """Return the caller that the credentials stand for."""
        if not credentials.session and not credentials.bearer:
            return ANONYMOUS
        caller: Whoami = await self._wire.call(ME, credentials=credentials)
        return Principal(caller.id, caller.name, frozenset(caller.roles), caller.csrf)

    async def whoami(self, principal: Principal) -> Whoami:  # noqa: ARG002 - the service sees it
        """Describe the caller."""
        caller: Whoami = await self._wire.call(ME)
        return caller

    async def create(self, new: NewUser) -> User:
        """Add a person."""
        user: User = await self._wire.call(CREATE_USER, new)
        return user

    async def users(self) -> list[User]:
        """Return all people, by name."""
        users: list[User] = await self._wire.call(USERS)
        return users

    async def add_profile(self, principal: Principal, name: str) -> Profile:  # noqa: ARG002 - the service sees it
        """Add a profile to the caller's account."""
        profile: Profile = await self._wire.call(ADD_PROFILE, NewProfile(name))
        return profile


def _answer(value: Whoami | SignedIn) -> Response:
    return Response(codec.encode(value), 200, {"Cache-Control": "no-store"}, "application/json")
