"""Builds of audiences on other machines, as settings describe them."""

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from bijou.app.settings import House, Settings
from bijou.app.stores import open_blobs
from bijou.ports import Blobs, SystemClock

if TYPE_CHECKING:
    from bijou.audience.api import Evaluating, View


@contextlib.contextmanager
def dask_engine(
    settings: Settings, scheduler: str = "", workers: int = 0
) -> "Iterator[Callable[[View], Evaluating]]":
    """Connect to a Dask cluster for one build; columns and bitmaps go through the installation's blobs.

    Args:
        scheduler: `tcp://host:port`; empty: processes of our own, for this build.
        workers: How many of those; 0: one a core.

    Raises:
        EngineUnavailable: `audience.no_dask` or `audience.no_scheduler`.
    """
    from bijou.engines.audience_dask import DaskEvaluating, dask_client  # noqa: PLC0415 - an extra

    opening = partial(blobs_of, _places_only(settings))
    with (
        dask_client(scheduler, workers or len(os.sched_getaffinity(0))) as client,
        contextlib.ExitStack() as opened,
    ):
        yield lambda view: opened.enter_context(DaskEvaluating(view, client, opening))


def blobs_of(settings: Settings) -> Blobs:
    """Open the blobs in a worker."""
    return open_blobs(settings, SystemClock(), SystemRandom())


def _places_only(settings: Settings) -> Settings:
    """Return what tells where the blobs are: no secret travels to workers."""
    folder = str(Path(settings.house.data_dir).resolve())
    return Settings(house=House(data_dir=folder, blobs=settings.house.blobs), s3=settings.s3)
