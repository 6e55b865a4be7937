"""The feature store: a folder of immutable files, and the manifest that says which count."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from bijou.audience.column_files import replace_file, sync_folder
from bijou.audience.dimensions import Dimension, Registry
from bijou.audience.hashing import Hasher
from bijou.audience.manifest import Manifest
from bijou.audience.ordinals import OrdinalMap
from bijou.audience.view import View
from bijou.ports import Clock, EngineUnavailable
from bijou.runtime import codec
from bijou.runtime.lockfile import hold

_MANIFEST: Final = "manifest.json"


class FeatureStore:
    """Users' features in a folder.

    Whatever changes writes new files and then replaces the manifest: readers
    see the version before or the one after, whenever a writer dies. Only
    `forgetting` changes files in place, and only to take things away.

    Threads: any for reading; one writer a folder, of all processes.

    Args:
        folder: Made where it is missing.
        hasher: Under the installation's secret key.
        clock: Stamps batches.

    Raises:
        EngineUnavailable: `audience.damaged`, the manifest is none.
    """

    def __init__(self, folder: Path, hasher: Hasher, clock: Clock) -> None:
        self.folder = folder
        self.hasher = hasher
        self.clock = clock
        self.data = folder / "features"
        for place in (self.data, folder / "incoming", folder / "rejects"):
            place.mkdir(parents=True, exist_ok=True, mode=0o700)

    def manifest(self) -> Manifest:
        """Return the version in force."""
        place = self.folder / _MANIFEST
        try:
            return codec.decode(place.read_bytes(), Manifest)
        except FileNotFoundError:
            return Manifest()
        except msgspec.MsgspecError as error:
            raise EngineUnavailable(
                "audience.damaged", f"{place} is no manifest ({error}); restore it from a backup"
            ) from error

    def registry(self, manifest: Manifest | None = None) -> Registry:
        """Return the dimensions that ship and those that were registered here."""
        return Registry.shipped((manifest or self.manifest()).dimensions)

    def register(self, dimension: Dimension) -> None:
        """Add a dimension; it can be uploaded and asked from now on."""
        with self.writing():
            manifest = self.manifest()
            self.registry(manifest).register(dimension)
            kept = [each for each in manifest.dimensions if each.name != dimension.name]
            self.publish(manifest.next(dimensions=(*kept, dimension)))

    @contextlib.contextmanager
    def viewing(self) -> Iterator[View]:
        """Open the version in force for a while."""
        view = self.view()
        try:
            yield view
        finally:
            view.close()

    def view(self) -> View:
        """Open the version in force; the caller closes it."""
        for _ in range(8):
            manifest = self.manifest()
            try:
                return View(self.data, manifest, self.registry(manifest))
            except FileNotFoundError:  # a newer version came between, and tidied up
                continue
        raise EngineUnavailable(
            "audience.damaged", f"{self.folder}: files of version {manifest.version} lack"
        )

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer; Conflict `runtime.data_dir_held` where another is."""
        with hold(self.folder):
            yield

    def ordinals(self, manifest: Manifest) -> OrdinalMap:
        """Open the map of identifiers of a version."""
        return OrdinalMap(self.data, manifest.shards, manifest.issued)

    def publish(self, manifest: Manifest) -> None:
        """Put a version in force, and remove files that no longer count."""
        sync_folder(self.data)
        replace_file(self.folder / _MANIFEST, codec.encode(manifest))
        self.tidy(manifest)

    def size_bytes(self) -> int:
        """Return how long all files are; those that go away meanwhile do not count."""
        found = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    found += os.stat(os.path.join(folder, name)).st_size  # noqa: PTH116, PTH118 - there may be many
        return found

    def tidy(self, manifest: Manifest) -> None:
        """Remove files that do not count, such as those of a commit that was killed."""
        kept = manifest.files()
        for path in self.data.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)
