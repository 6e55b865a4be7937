"""The service of encode jobs on embedded engines, and an encoder that encodes nothing."""

from random import Random

import pytest

from bijou.catalog.service import CatalogService
from bijou.encoding import Encoding
from bijou.encoding.http import EncodingClient, routes
from bijou.encoding.service import EncodingService
from bijou.engines.files import FileBlobs
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import VirtualClock
from tests.contract.conftest import Faces, Told
from tests.contract.encoders import StandIn

LEASE_S = 15.0


@pytest.fixture
def catalog(records: SqliteRecords, clock: VirtualClock, chance: Random, told: Told) -> CatalogService:
    return CatalogService(records, clock, chance, told)


@pytest.fixture
def queue(records: SqliteRecords, clock: VirtualClock, chance: Random) -> RecordsQueue:
    return RecordsQueue(records, clock, chance, lease_s=LEASE_S)


@pytest.fixture
def encoder(queue: RecordsQueue) -> StandIn:
    return StandIn(queue)


@pytest.fixture
def service(
    records: SqliteRecords,
    queue: RecordsQueue,
    blobs: FileBlobs,
    catalog: CatalogService,
    clock: VirtualClock,
    chance: Random,
    told: Told,
) -> EncodingService:
    return EncodingService(records, queue, blobs, catalog, clock, chance, told, lease_s=LEASE_S)


@pytest.fixture
def encoding(faces: Faces, service: EncodingService) -> Encoding:
    plain: Encoding = service
    return faces.of(plain, routes(service), EncodingClient)
