"""Secrets of one installation: drawn at first start, kept in files of mode 0600."""

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec

from bijou.app.settings import Settings

_WORDS = tuple(
    """amber balcony candle curtain ember foyer gallery garnet lantern marquee matinee mirror organ parquet
    projector reel sapphire screen shutter silver stage ticket topaz usher velvet violet walnut whisper window
    winter copper ivory""".split()  # noqa: SIM905 - thirty-two words read better so
)


class Keys(msgspec.Struct, frozen=True):
    """What services and the operator show to be let in; never logged.

    Args:
        service: Bearer key that services show each other.
        operator_password: What the operator signs in with.
    """

    service: str
    operator_password: str

    def __repr__(self) -> str:
        return "Keys(…)"


def keys_of(settings: Settings, chance: Random) -> Keys:
    """Return the installation's keys; draws and keeps what is not there yet.

    Args:
        settings: Keys that stand there win over drawn ones.
        chance: `random.SystemRandom` in production.
    """
    folder = keys_folder(settings)
    return Keys(
        service=settings.house.service_key
        or _kept(folder / "service", lambda: f"{chance.getrandbits(256):064x}"),
        operator_password=settings.accounts.operator_password
        or _kept(folder / "operator.password", lambda: "-".join(chance.choice(_WORDS) for _ in range(8))),
    )


def keys_folder(settings: Settings) -> Path:
    """Return the folder of secrets, made with mode 0700."""
    folder = Path(settings.house.data_dir) / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def keep_secret(path: Path, secret: str) -> None:
    """Write a secret durably in one step, readable by its owner only."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _kept(path: Path, draw: Callable[[], str]) -> str:
    if not path.is_file():
        keep_secret(path, draw())
    return path.read_text(encoding="utf-8").strip()
