"""Accounts, in process, over HTTP, and beside other versions."""

import hashlib
from collections.abc import Callable
from random import Random

import httpx
import pytest
from sqlalchemy import select

from bijou.accounts import Accounts, NewUser, SignedIn, SignIn, User, Whoami
from bijou.accounts import store as tables
from bijou.accounts.http import AccountsClient, routes
from bijou.accounts.passwords import Passwords
from bijou.accounts.service import AccountsService
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import (
    ANONYMOUS,
    BijouError,
    Conflict,
    Credentials,
    InvalidRequest,
    NotFound,
    Overloaded,
    Principal,
    Role,
    Unauthenticated,
    VirtualClock,
)
from bijou.runtime.http import service_app
from tests.contract.conftest import Faces

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
SERVICE_KEY = "service-key-of-the-house"
WRONG = SignIn("ada", "not this one at all")

As = Callable[[str], Accounts]


@pytest.fixture
def service(records: SqliteRecords, clock: VirtualClock, chance: Random) -> AccountsService:
    return AccountsService(
        records,
        clock,
        chance,
        passwords=Passwords(time_cost=1, memory_kib=8, lanes=1),
        service_key=SERVICE_KEY,
        session_s=3600,
        attempts=3,
        attempts_window_s=60,
    )


@pytest.fixture
def as_(faces: Faces, service: AccountsService) -> As:
    """Reach accounts with a token; in process the caller is named in each call."""

    def reach(token: str) -> Accounts:
        plain: Accounts = service
        return faces.of(plain, routes(service), AccountsClient, authenticator=service, token=token)

    return reach


@pytest.fixture
async def operator(service: AccountsService) -> SignedIn:
    await service.ensure_operator("operator", PASSWORD)
    return await service.sign_in(SignIn("operator", PASSWORD), peer="127.0.0.9")


@pytest.fixture
async def accounts(as_: As, operator: SignedIn) -> Accounts:
    """Accounts as the operator reaches them, with one viewer named ada."""
    accounts = as_(operator.token)
    await accounts.create(NewUser("ada", PASSWORD, [Role.VIEWER]))
    return accounts


async def test_a_session_stands_for_its_person(accounts: Accounts) -> None:
    signed_in = await accounts.sign_in(SignIn(" Ada ", PASSWORD), peer="10.0.0.1")

    by_cookie = await accounts.principal(Credentials(session=signed_in.token))
    by_bearer = await accounts.principal(Credentials(bearer=signed_in.token))

    assert (by_cookie.name, by_cookie.roles) == ("ada", frozenset({Role.VIEWER}))
    assert by_cookie.csrf == signed_in.csrf
    assert by_bearer.csrf == ""
    assert by_bearer.id == by_cookie.id == signed_in.user.id


async def test_two_sessions_have_two_csrf_tokens(accounts: Accounts) -> None:
    first = await accounts.sign_in(SignIn("ada", PASSWORD), peer="10.0.0.1")
    second = await accounts.sign_in(SignIn("ada", PASSWORD), peer="10.0.0.1")

    assert len({first.csrf, second.csrf, first.token, second.token}) == 4


async def test_an_unknown_name_is_refused_in_the_same_words(accounts: Accounts) -> None:
    refusals = []
    for name in ("ada", "nobody"):
        with pytest.raises(Unauthenticated) as refusal:
            await accounts.sign_in(SignIn(name, "not this one at all"), peer="10.0.0.1")
        refusals.append((refusal.value.code, refusal.value.detail))

    assert refusals[0] == refusals[1]
    assert refusals[0][0] == "accounts.wrong_password"


async def test_no_credentials_are_nobody_and_bad_ones_are_refused(accounts: Accounts) -> None:
    assert await accounts.principal(Credentials()) == ANONYMOUS
    assert await accounts.principal(Credentials(session="stale")) == ANONYMOUS
    with pytest.raises(Unauthenticated) as refusal:
        await accounts.principal(Credentials(bearer="stale"))
    assert refusal.value.code == "accounts.bad_token"


async def test_a_signed_out_token_is_no_good_and_signing_out_twice_is(accounts: Accounts) -> None:
    token = (await accounts.sign_in(SignIn("ada", PASSWORD), peer="10.0.0.1")).token

    await accounts.sign_out(token)
    await accounts.sign_out(token)

    assert await accounts.principal(Credentials(session=token)) == ANONYMOUS
    with pytest.raises(Unauthenticated):
        await accounts.principal(Credentials(bearer=token))


async def test_a_session_ends_at_its_expiry_to_the_microsecond(
    accounts: Accounts, clock: VirtualClock
) -> None:
    signed_in = await accounts.sign_in(SignIn("ada", PASSWORD), peer="10.0.0.1")

    clock.advance((signed_in.expires_at - clock.now() - 1) / 1e6)
    assert (await accounts.principal(Credentials(session=signed_in.token))).name == "ada"

    clock.advance(1e-6)
    assert await accounts.principal(Credentials(session=signed_in.token)) == ANONYMOUS


async def test_the_service_key_is_a_service_and_no_person(accounts: Accounts, as_: As) -> None:
    service = await accounts.principal(Credentials(bearer=SERVICE_KEY))

    assert (service.id, service.roles) == ("service", frozenset({Role.SERVICE}))
    with pytest.raises(BijouError) as refusal:
        await as_(SERVICE_KEY).add_profile(service, "Robot")
    assert refusal.value.status in {403, 404}


async def test_whoami_tells_the_caller_and_their_profiles(accounts: Accounts, as_: As) -> None:
    token = (await accounts.sign_in(SignIn("ada", PASSWORD), peer="10.0.0.1")).token
    ada, hers = await accounts.principal(Credentials(bearer=token)), as_(token)
    profile = await hers.add_profile(ada, "  Countess   Ada ")

    whoami = await hers.whoami(ada)

    assert (whoami.name, whoami.roles, whoami.profiles) == ("ada", [Role.VIEWER], [profile])
    assert profile.name == "Countess Ada"


async def test_a_guest_has_no_name(as_: As) -> None:
    whoami = await as_("").whoami(ANONYMOUS)

    assert (whoami.id, whoami.name, whoami.roles) == ("", "", [])


async def test_the_sixth_profile_and_a_double_are_refused(accounts: Accounts, as_: As) -> None:
    token = (await accounts.sign_in(SignIn("ada", PASSWORD), peer="10.0.0.1")).token
    ada, hers = await accounts.principal(Credentials(bearer=token)), as_(token)
    await hers.add_profile(ada, "1")
    with pytest.raises(Conflict) as double:
        await hers.add_profile(ada, "1")
    colours = {(await hers.add_profile(ada, name)).colour for name in "2345"}
    with pytest.raises(Conflict) as sixth:
        await hers.add_profile(ada, "6")

    assert (double.value.code, sixth.value.code) == ("accounts.profile_taken", "accounts.too_many_profiles")
    assert len(colours) == 4


@pytest.mark.parametrize("name", ["", " ", "x" * 41, "a\x1bb"])
async def test_a_profile_without_a_proper_name_is_refused(
    accounts: Accounts, operator: SignedIn, name: str
) -> None:
    caller = await accounts.principal(Credentials(bearer=operator.token))
    with pytest.raises(InvalidRequest) as refusal:
        await accounts.add_profile(caller, name)

    assert refusal.value.code == "accounts.bad_profile"


async def test_people_are_listed_by_name_and_names_are_taken_once(accounts: Accounts) -> None:
    await accounts.create(NewUser("Grace.Hopper@Example.org", PASSWORD, [Role.EDITOR, Role.VIEWER]))

    assert [user.name for user in await accounts.users()] == ["ada", "grace.hopper@example.org", "operator"]
    with pytest.raises(Conflict) as taken:
        await accounts.create(NewUser("ADA", PASSWORD))
    assert taken.value.code == "accounts.name_taken"


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (NewUser("", PASSWORD), "accounts.bad_name"),
        (NewUser("a b", PASSWORD), "accounts.bad_name"),
        (NewUser("x" * 65, PASSWORD), "accounts.bad_name"),
        (NewUser("ada@", PASSWORD), "accounts.bad_name"),
        (NewUser("bob", "ninechars"), "accounts.bad_password"),
        (NewUser("bob", "x" * 257), "accounts.bad_password"),
        (NewUser("bob", PASSWORD, [Role.SERVICE]), "accounts.bad_role"),
        (NewUser("bob", PASSWORD, [Role.ANYONE]), "accounts.bad_role"),
    ],
)
async def test_a_bad_person_is_refused(accounts: Accounts, new: NewUser, code: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await accounts.create(new)

    assert refusal.value.code == code
    assert new.password not in refusal.value.detail


async def test_retry_after_is_the_first_moment_that_passes(accounts: Accounts, clock: VirtualClock) -> None:
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await accounts.sign_in(WRONG, peer="10.0.0.1")
    clock.advance(10)
    with pytest.raises(Overloaded) as refusal:
        await accounts.sign_in(SignIn("ada", PASSWORD), peer="10.0.0.2")
    assert refusal.value.retry_after_s == 50

    clock.advance(refusal.value.retry_after_s)

    assert (await accounts.sign_in(SignIn("ada", PASSWORD), peer="10.0.0.3")).user.name == "ada"


async def test_sign_ins_that_succeed_are_not_counted(accounts: Accounts) -> None:
    tokens = {(await accounts.sign_in(SignIn("ada", PASSWORD), peer="10.0.0.1")).token for _ in range(7)}

    assert len(tokens) == 7


async def test_a_peer_that_tries_many_names_is_stopped(service: AccountsService) -> None:
    for name in ("a", "b", "c"):
        with pytest.raises(Unauthenticated):
            await service.sign_in(SignIn(name, "x"), peer="10.0.0.1")

    with pytest.raises(Overloaded):
        await service.sign_in(SignIn("d", "x"), peer="10.0.0.1")
    with pytest.raises(Unauthenticated):
        await service.sign_in(SignIn("d", "x"), peer="10.0.0.2")


async def test_what_is_kept_cannot_be_used_to_sign_in(
    accounts: Accounts, operator: SignedIn, records: SqliteRecords
) -> None:
    kept = await records.read(lambda db: list(db.scalars(select(tables.SESSIONS.c.token_sha256))))
    hashes = await records.read(lambda db: list(db.scalars(select(tables.USERS.c.password_hash))))

    assert kept == [hashlib.sha256(operator.token.encode()).hexdigest()]
    assert all(each.startswith("$argon2id$") for each in hashes)
    for secret in kept + hashes:
        assert await accounts.principal(Credentials(session=secret)) == ANONYMOUS


async def test_the_first_start_makes_one_operator_with_all_human_roles(service: AccountsService) -> None:
    await service.ensure_operator("Boss", PASSWORD)
    await service.ensure_operator("boss", "another pass phrase")

    signed_in = await service.sign_in(SignIn("boss", PASSWORD), peer="10.0.0.1")
    assert set(signed_in.user.roles) == {Role.VIEWER, Role.EDITOR, Role.ADOPS, Role.OPERATOR}


async def test_an_operators_password_that_is_insisted_on_is_theirs_from_then_on(
    service: AccountsService, operator: SignedIn
) -> None:
    await service.ensure_operator("operator", "another pass phrase", insist=True)

    assert (await service.sign_in(SignIn("operator", "another pass phrase"), peer="10.0.0.1")).token
    with pytest.raises(Unauthenticated, match="no account has this name"):
        await service.sign_in(SignIn("operator", PASSWORD), peer="10.0.0.1")
    with pytest.raises(Unauthenticated, match="no longer, good"):
        await service.principal(Credentials(bearer=operator.token))


async def test_insisting_on_the_same_password_ends_no_session(
    service: AccountsService, operator: SignedIn
) -> None:
    await service.ensure_operator("operator", PASSWORD, insist=True)

    assert (await service.principal(Credentials(bearer=operator.token))).name == "operator"


async def test_an_operator_of_another_name_is_made_beside_the_first(
    service: AccountsService, operator: SignedIn
) -> None:
    await service.ensure_operator("boss", "another pass phrase")

    assert [user.name for user in await service.users()] == ["boss", "operator"]


async def test_a_password_kept_at_another_cost_is_hashed_anew(
    service: AccountsService, records: SqliteRecords, clock: VirtualClock
) -> None:
    await service.ensure_operator("operator", PASSWORD)
    dearer = AccountsService(
        records, clock, Random(1), passwords=Passwords(time_cost=2, memory_kib=16, lanes=1)
    )

    await dearer.sign_in(SignIn("operator", PASSWORD), peer="10.0.0.1")

    kept = await records.read(lambda db: db.scalar(select(tables.USERS.c.password_hash)))
    assert kept is not None
    assert "m=16,t=2,p=1" in kept


async def test_expired_sessions_are_forgotten_at_the_next_sign_in(
    service: AccountsService, operator: SignedIn, records: SqliteRecords, clock: VirtualClock
) -> None:
    clock.advance(3600)
    await service.sign_in(SignIn("operator", PASSWORD), peer="10.0.0.1")

    assert len(await records.read(lambda db: db.execute(select(tables.SESSIONS)).all())) == 1


async def test_a_browser_gets_a_cookie_that_scripts_cannot_read_and_needs_csrf(
    service: AccountsService, operator: SignedIn
) -> None:
    transport = httpx.ASGITransport(service_app(routes(service), service))
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as browser:
        signed_in = await browser.post("/api/sign-in", json={"name": "operator", "password": PASSWORD})
        cookie = signed_in.headers["set-cookie"]
        without = await browser.post("/api/me/profiles", json={"name": "A"})
        stolen = await browser.post(
            "/api/me/profiles", json={"name": "A"}, headers={"X-CSRF-Token": operator.csrf}
        )
        csrf = signed_in.json()["csrf"]
        with_it = await browser.post("/api/me/profiles", json={"name": "A"}, headers={"X-CSRF-Token": csrf})
        out = await browser.post("/api/sign-out", headers={"X-CSRF-Token": csrf})
        me = await browser.get("/api/me")

    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=3600"} <= set(cookie.split("; "))
    assert "token" not in signed_in.json()
    assert [answer.status_code for answer in (without, stolen, with_it, out)] == [403, 403, 201, 204]
    assert me.json()["name"] == ""


async def test_a_profile_needs_an_account(service: AccountsService) -> None:
    with pytest.raises(NotFound) as refusal:
        await service.add_profile(ANONYMOUS, "Ghost")

    assert refusal.value.code == "accounts.no_user"


def test_secrets_stand_in_no_repr(clock: VirtualClock) -> None:
    user = User("usr_1", "ada", [], clock.now())
    secrets = [
        NewUser("ada", "s3cret"),
        SignIn("ada", "s3cret"),
        SignedIn("s3cret", "s3cret", user, clock.now()),
        Whoami("usr_1", "ada", [], csrf="s3cret"),
        Principal("usr_1", "ada", frozenset(), csrf="s3cret"),
        Credentials(session="s3cret", bearer="s3cret"),
    ]

    assert not [each for each in secrets if "s3cret" in repr(each)]
