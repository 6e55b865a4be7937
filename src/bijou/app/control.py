"""The control plane: every room with records, in one process on one store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from random import Random, SystemRandom

import msgspec

import bijou
from bijou.accounts import SignIn
from bijou.accounts.http import routes as accounts_routes
from bijou.accounts.service import AccountsService
from bijou.ads.http import routes as ads_routes
from bijou.ads.matching.http import explaining_routes
from bijou.ads.service import AdOperationsService
from bijou.app import schema
from bijou.app.audience_uploads import AudienceRooms, audience_rooms, routes_of_audiences
from bijou.app.explaining import explaining_with
from bijou.app.health import Ready, health_route
from bijou.app.keys import Keys, keep_secret, keys_folder, keys_of, token_keys
from bijou.app.rules import edges_of, proxies_of
from bijou.app.settings import Settings
from bijou.app.site import BUILT, Site
from bijou.app.site import routes as site_routes
from bijou.app.status import Status, read_status
from bijou.app.steering import states_of
from bijou.app.stores import (
    encode_slots,
    open_blobs,
    open_queue_records,
    open_records,
    queue_on,
    queue_place,
    records_place,
)
from bijou.catalog.http import routes as catalog_routes
from bijou.catalog.service import CatalogService
from bijou.delivery import EdgeAddress
from bijou.encoding.http import routes as encoding_routes
from bijou.encoding.service import EncodingService
from bijou.events import Hub
from bijou.events.http import routes as events_routes
from bijou.ingest.http import routes as ingest_routes
from bijou.ingest.service import IngestService
from bijou.playback.http import routes as playback_routes
from bijou.playback.service import PlaybackService
from bijou.ports import Blobs, Clock, Credentials, Queue, Records, Role, SystemClock, Unauthenticated
from bijou.runtime import invocation
from bijou.runtime.http import Bounds, Call, Endpoint, Route, serve_app, service_app
from bijou.runtime.lifecycle import servable

STATUS = Endpoint(
    method="GET",
    path="/api/status",
    role=Role.ANYONE,
    summary="Which processes of this installation run, and since when.",
    gives=Status,
)


class Rooms(msgspec.Struct, frozen=True):
    """The rooms of one control plane, put together."""

    accounts: AccountsService
    catalog: CatalogService
    encoding: EncodingService
    ingest: IngestService
    playback: PlaybackService
    hub: Hub
    ads: AdOperationsService
    audiences: AudienceRooms


async def control_plane(settings: Settings, stop: asyncio.Event, ready: Ready) -> None:
    """Serve the site and the API until told to stop."""
    clock, chance = SystemClock(), SystemRandom()
    keys = keys_of(settings, chance)
    for place_of_tables in {records_place(settings), queue_place(settings)}:
        schema.upgrade(place_of_tables)
    records, queue_records = open_records(settings), open_queue_records(settings)
    queue = queue_on(queue_records, settings, clock, chance)
    rooms = rooms_of(settings, records, open_blobs(settings, clock, chance), clock, chance, keys, queue=queue)
    try:
        await _ensure_operator(rooms.accounts, settings, keys)
        await _keep_operator_token(rooms.accounts, settings, keys)
        await rooms.ads.prepare()
        async with _beside(
            rooms.ingest.keep_tidy(),
            rooms.encoding.run(),
            rooms.audiences.files.ingest.keep_tidy(),
            rooms.audiences.batches.keep_going(),
            rooms.audiences.updates.keep_applying(),
        ):
            place = settings.control
            await serve_app(
                service_app(routes_of(settings, rooms, clock, stop), rooms.accounts),
                place.host,
                place.port,
                stop=stop,
                ready=ready,
                bounds=Bounds(connections=servable(place.connections)),
                trusted_proxies=proxies_of(settings),
            )
    finally:
        await rooms.audiences.files.records.close()
        await records.close()
        await queue_records.close()


def rooms_of(
    settings: Settings,
    records: Records,
    blobs: Blobs,
    clock: Clock,
    chance: Random,
    keys: Keys,
    *,
    queue: Queue | None = None,
) -> Rooms:
    """Put the rooms together on the engines that are handed in.

    Args:
        queue: None: on the same records.
    """
    hub = Hub(clock, chance)
    accounts = AccountsService(
        records,
        clock,
        chance,
        service_key=keys.service,
        session_s=settings.accounts.session_s,
        attempts=settings.accounts.attempts,
        attempts_window_s=settings.accounts.attempts_window_s,
    )
    catalog = CatalogService(records, clock, chance, hub.publish)
    encoding = EncodingService(
        records,
        queue or queue_on(records, settings, clock, chance),
        blobs,
        catalog,
        clock,
        chance,
        hub.publish,
        recipes=settings.encoding.recipes,
        analyse=settings.encoding.analyse,
        keep_sources=settings.encoding.keep_sources,
        lease_s=settings.encoder.lease_s,
        slots=encode_slots(settings),
    )
    ingest = IngestService(
        records,
        blobs,
        encoding,
        clock,
        chance,
        folder=Path(settings.house.data_dir) / "incoming",
        max_bytes=settings.ingest.max_bytes,
        unfinished_bytes=settings.ingest.unfinished_bytes,
        unfinished_bytes_per_person=settings.ingest.unfinished_bytes_per_person,
        keep_free_bytes=settings.ingest.keep_free_bytes,
        abandon_after_s=settings.ingest.abandon_after_s,
    )
    edges = [EdgeAddress(region, address) for region, address in edges_of(settings)]
    playback = PlaybackService(
        catalog,
        clock,
        chance,
        edges=edges,
        anonymous_viewers=settings.control.anonymous_viewers,
        keys=token_keys(settings, clock, chance),
        token_s=settings.delivery.token_s,
        states=states_of(settings, clock, chance),
        steering_url=settings.steering.url,
    )
    ads = AdOperationsService(records, clock, chance)
    audiences = audience_rooms(settings, blobs, clock, chance)
    return Rooms(accounts, catalog, encoding, ingest, playback, hub, ads, audiences)


def routes_of(settings: Settings, rooms: Rooms, clock: Clock, stop: asyncio.Event) -> list[Route]:
    """Return the control plane's whole table of routes, in order."""
    media = [address for _, address in edges_of(settings)]
    return [
        health_route("control", lambda: {"live": rooms.hub.statistics()}),
        _status_route(Path(settings.house.data_dir)),
        *accounts_routes(rooms.accounts),
        *ads_routes(rooms.ads),
        *explaining_routes(explaining_with(rooms.ads, clock, rooms.audiences.turns)),
        *routes_of_audiences(rooms.audiences, settings.ingest.max_bytes),
        *catalog_routes(rooms.catalog),
        *encoding_routes(rooms.encoding),
        *ingest_routes(rooms.ingest, settings.ingest.max_bytes),
        *playback_routes(rooms.playback),
        *events_routes(rooms.hub, clock, stop),
        *site_routes(Site(BUILT, media)),
    ]


@contextlib.asynccontextmanager
async def _beside(*chores: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do chores for as long as the block lasts."""
    tasks = [asyncio.create_task(chore) for chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _status_route(data_dir: Path) -> Route:
    async def status(_: Call) -> Status:
        return Status(bijou.__version__, invocation.spelling(), read_status(data_dir))

    return STATUS.bind(status)


async def _ensure_operator(accounts: AccountsService, settings: Settings, keys: Keys) -> None:
    """See to it that the password that is announced lets in; hash it only where that may not be so."""
    of_settings = settings.accounts.operator_password
    mark = keys_folder(settings) / "operator.configured"
    insist = bool(of_settings) or mark.is_file()
    await accounts.ensure_operator(settings.accounts.operator_name, keys.operator_password, insist=insist)
    mark.touch() if of_settings else mark.unlink(missing_ok=True)


async def _keep_operator_token(accounts: AccountsService, settings: Settings, keys: Keys) -> None:
    """Let whoever may read the data folder use the command line without signing in."""
    place = keys_folder(settings) / "operator.token"
    try:
        if place.is_file():
            await accounts.principal(Credentials(bearer=place.read_text(encoding="utf-8").strip()))
            return
    except Unauthenticated:
        place.unlink()
    with contextlib.suppress(Unauthenticated):  # the operator has a password of their own by now
        sign_in = SignIn(settings.accounts.operator_name, keys.operator_password)
        keep_secret(place, (await accounts.sign_in(sign_in, peer="")).token)
