"""What the supervisor last knew of its children, for whoever asks."""

import os
from pathlib import Path

import msgspec

from bijou.ports import Instant
from bijou.runtime import codec
from bijou.runtime.lockfile import held


class ServiceStatus(msgspec.Struct, frozen=True):
    """One process of the installation, as the site and `bijou status` show it."""

    name: str
    healthy: bool
    address: str
    since_at: Instant
    restarts: int


class Status(msgspec.Struct, frozen=True):
    """The installation at a glance.

    Args:
        command: How whoever started it calls `bijou`, for commands to copy.
    """

    version: str
    command: str
    services: list[ServiceStatus]


def write_status(data_dir: Path, services: list[ServiceStatus]) -> None:
    """Replace the status file in one step."""
    draft = data_dir / f"status.json.{os.getpid()}"
    draft.write_bytes(codec.encode(services))
    draft.replace(data_dir / "status.json")


def read_status(data_dir: Path) -> list[ServiceStatus]:
    """Return the last status; empty where no supervisor runs here, however it ended."""
    if not held(data_dir):
        return []
    try:
        return codec.decode((data_dir / "status.json").read_bytes(), list[ServiceStatus])
    except (OSError, msgspec.DecodeError):
        return []


def clear_status(data_dir: Path) -> None:
    """Forget the status: nothing runs any more."""
    (data_dir / "status.json").unlink(missing_ok=True)
