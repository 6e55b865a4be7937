"""Playback sessions, in process, over HTTP, and beside other versions."""

from collections.abc import Callable
from random import Random
from urllib.parse import parse_qsl, urlsplit

import pytest

from bijou.catalog import NewTitle
from bijou.catalog.service import CatalogService
from bijou.delivery import States, TokenKey, TokenKeys
from bijou.delivery.api import EdgeAddress
from bijou.engines.sqlite import SqliteRecords
from bijou.playback import Playback
from bijou.playback.http import PlaybackClient, routes
from bijou.playback.service import PlaybackService
from bijou.ports import (
    ANONYMOUS,
    Credentials,
    Forbidden,
    InvalidRequest,
    NotFound,
    Principal,
    Role,
    Unauthenticated,
    VirtualClock,
)
from tests.contract.conftest import Faces, Told
from tests.contract.samples import publication

pytestmark = pytest.mark.anyio

EDGES = [EdgeAddress("east", "http://127.0.0.2:8810"), EdgeAddress("west", "http://127.0.0.3:8810/")]
PEOPLE = {
    role.value: Principal(id=f"usr_{role}", name=role.value, roles=frozenset({role}))
    for role in (Role.VIEWER, Role.EDITOR)
} | {"": ANONYMOUS}


class ByRole:
    """Lets a bearer token that is a role's name be somebody with that role."""

    async def principal(self, credentials: Credentials) -> Principal:
        return PEOPLE[credentials.bearer]


Open = Callable[[str, str], Playback]
ANYBODY, VIEWERS = "anybody", "viewers"


@pytest.fixture
async def house(
    faces: Faces, records: SqliteRecords, clock: VirtualClock, chance: Random, told: Told
) -> Open:
    catalog = CatalogService(records, clock, chance, told)
    await catalog.publish(NewTitle("Sintel"), publication("ast_1"))

    def opened(who_watches: str, token: str = "") -> Playback:
        anybody = who_watches == ANYBODY
        service: Playback = PlaybackService(catalog, clock, chance, edges=EDGES, anonymous_viewers=anybody)
        return faces.of(service, routes(service), PlaybackClient, authenticator=ByRole(), token=token)

    return opened


async def test_a_session_names_absolute_addresses_in_order_of_preference(
    house: Open, clock: VirtualClock
) -> None:
    session = await house(ANYBODY, "").start("sintel", ANONYMOUS)

    assert (session.steering, session.reports, session.pathways[0].steered_hls) == ("", "", "")
    assert session.id.startswith("ses_")
    assert (session.title, session.started_at) == ("sintel", clock.now())
    assert [pathway.id for pathway in session.pathways] == ["east", "west"]
    assert session.pathways[0].hls == "http://127.0.0.2:8810/media/ast_1/master.m3u8"
    assert session.pathways[1].dash == "http://127.0.0.3:8810/media/ast_1/manifest.mpd"
    assert session.pathways[1].poster == "http://127.0.0.3:8810/media/ast_1/poster.jpg"


async def test_a_wanted_region_comes_first(house: Open) -> None:
    session = await house(ANYBODY, "").start("sintel", ANONYMOUS, "west")

    assert [pathway.id for pathway in session.pathways] == ["west", "east"]


async def test_an_unknown_region_is_refused_with_those_there_are(house: Open) -> None:
    with pytest.raises(InvalidRequest, match="east, west") as refusal:
        await house(ANYBODY, "").start("sintel", ANONYMOUS, "north")

    assert refusal.value.code == "playback.no_region"


async def test_two_sessions_are_two(house: Open) -> None:
    playback = house(ANYBODY, "")

    assert (await playback.start("sintel", ANONYMOUS)).id != (await playback.start("sintel", ANONYMOUS)).id


async def test_a_title_that_is_not_there_has_no_session(house: Open) -> None:
    with pytest.raises(NotFound) as refusal:
        await house(ANYBODY, "").start("nothing", ANONYMOUS)

    assert refusal.value.code == "catalog.no_title"


async def test_where_guests_may_not_watch_viewers_may(house: Open) -> None:
    with pytest.raises(Unauthenticated) as guest:
        await house(VIEWERS, "").start("sintel", ANONYMOUS)
    with pytest.raises(Forbidden) as editor:
        await house(VIEWERS, "editor").start("sintel", PEOPLE["editor"])
    session = await house(VIEWERS, "viewer").start("sintel", PEOPLE["viewer"])

    assert (guest.value.code, editor.value.code) == ("playback.sign_in", "playback.role")
    assert session.title == "sintel"


async def test_the_edges_are_told(house: Open) -> None:
    assert await house(ANYBODY, "").edges() == EDGES


async def test_a_session_brings_a_token_of_its_own_for_its_title_and_its_region(
    faces: Faces, records: SqliteRecords, clock: VirtualClock, chance: Random, told: Told
) -> None:
    catalog = CatalogService(records, clock, chance, told)
    await catalog.publish(NewTitle("Sintel"), publication("ast_1"))
    keys = TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock)
    service: Playback = PlaybackService(catalog, clock, chance, edges=EDGES, keys=keys, token_s=60)
    playback = faces.of(service, routes(service), PlaybackClient, authenticator=ByRole(), token="")

    session = await playback.start("sintel", ANONYMOUS, "west")

    west, east = session.pathways
    address, _, token = west.hls.partition("?token=")
    grant = keys.check(token.encode(), "/media/ast_1/v360/00001.m4s")
    assert address == "http://127.0.0.3:8810/media/ast_1/master.signed.m3u8"
    assert (grant.scope, grant.session, grant.home) == ("ast_1", session.id, "west")
    assert grant.expires_at_s == clock.now() // 1_000_000 + 60
    assert west.plain_hls == f"http://127.0.0.3:8810/t/{token}/media/ast_1/master.m3u8"
    assert east.dash == f"http://127.0.0.2:8810/t/{token}/media/ast_1/manifest.mpd"
    assert east.poster == "http://127.0.0.2:8810/media/ast_1/poster.jpg"


async def test_a_steered_session_knows_where_to_ask_and_where_to_tell_what_it_saw(
    faces: Faces, records: SqliteRecords, clock: VirtualClock, chance: Random, told: Told
) -> None:
    catalog = CatalogService(records, clock, chance, told)
    await catalog.publish(NewTitle("Sintel"), publication("ast_1"))
    states = States(TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock), clock)
    keys = TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock)
    service: Playback = PlaybackService(
        catalog, clock, chance, edges=EDGES, keys=keys, states=states, token_s=60
    )
    playback = faces.of(service, routes(service), PlaybackClient, authenticator=ByRole(), token="")

    session = await playback.start("sintel", ANONYMOUS, "west")

    address, _, state = session.steering.rpartition("/")
    assert address == "http://127.0.0.3:8810/steer"
    assert session.reports == f"http://127.0.0.3:8810/cmcd?state={state}"
    place = urlsplit(session.pathways[1].steered_hls)
    query = dict(parse_qsl(place.query))
    assert f"{place.netloc}{place.path}" == "127.0.0.2:8810/media/ast_1/master.steered.m3u8"
    assert (query["steering"], query["pathway"]) == (session.steering, "east")
    assert keys.check(query["token"].encode(), place.path).session == session.id
    standing = states.read(state)
    assert (standing.session, standing.home, standing.scope) == (session.id, "west", "ast_1")
    assert standing.expires_at_s == clock.now() // 1_000_000 + 60


async def test_a_steered_session_is_begun_by_the_newest_key(
    records: SqliteRecords, clock: VirtualClock, chance: Random, told: Told
) -> None:
    catalog = CatalogService(records, clock, chance, told)
    await catalog.publish(NewTitle("Sintel"), publication("ast_1"))
    held = [TokenKey("k1", bytes(32))]
    states = States(TokenKeys(lambda: held, clock), clock)
    playback = PlaybackService(catalog, clock, chance, edges=EDGES, states=states)

    held.insert(0, TokenKey("k2", bytes(range(32))))

    assert "/steer/k2." in (await playback.start("sintel", ANONYMOUS)).steering


async def test_steering_that_answers_elsewhere_is_asked_there(
    records: SqliteRecords, clock: VirtualClock, chance: Random, told: Told
) -> None:
    catalog = CatalogService(records, clock, chance, told)
    await catalog.publish(NewTitle("Sintel"), publication("ast_1"))
    states = States(TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock), clock)
    playback = PlaybackService(
        catalog, clock, chance, edges=EDGES, states=states, steering_url="https://steer.example/"
    )

    assert (await playback.start("sintel", ANONYMOUS)).steering.startswith("https://steer.example/steer/k1.")
