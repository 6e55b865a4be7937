"""Which store holds the media: a directory, or a bucket."""

from pathlib import Path
from random import Random

from bijou.app.settings import Settings
from bijou.engines.files import FileBlobs
from bijou.ports import Blobs, Clock


def open_blobs(settings: Settings, clock: Clock, chance: Random) -> Blobs:
    """Return the blobs that `[house] blobs` names; the bucket itself is met by the first call.

    Raises:
        EngineUnavailable: `blobs.no_driver`, the bucket's driver is not installed.
        InvalidRequest: `blobs.bad_address` or `blobs.bad_key_file`.
    """
    if not settings.house.blobs:
        return FileBlobs(Path(settings.house.data_dir) / "blobs", clock)
    from bijou.engines.s3 import S3Blobs  # noqa: PLC0415 - where it is used alone
    from bijou.engines.s3_place import S3Key, S3Place  # noqa: PLC0415 - as above

    s3 = settings.s3
    place = S3Place.parse(settings.house.blobs, endpoint=s3.endpoint, region=s3.region)
    key = S3Key.load(Path(s3.key_file)) if s3.key_file else None
    return S3Blobs(place, clock, chance, key)
