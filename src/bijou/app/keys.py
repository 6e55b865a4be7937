"""Secrets of one installation: drawn at first start, kept in files of mode 0600."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec

from bijou.app.settings import Settings
from bijou.delivery import TokenKey, TokenKeys, parse_keys
from bijou.ports import Clock

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
        or kept_secret(folder / "service", lambda: f"{chance.getrandbits(256):064x}"),
        operator_password=settings.accounts.operator_password
        or kept_secret(
            folder / "operator.password", lambda: "-".join(chance.choice(_WORDS) for _ in range(8))
        ),
    )


def token_keys(settings: Settings, clock: Clock, chance: Random) -> TokenKeys | None:
    """Return the keys of media tokens, drawn at first start; None where no token is asked for.

    The file is read again when it has changed: a new first line is the key that
    signs from then on, every line is believed.
    """
    if not settings.delivery.tokens:
        return None
    path = keys_folder(settings) / "tokens"
    kept_secret(path, lambda: f"k1={chance.getrandbits(256):064x}")
    seen: list[tuple[int, list[TokenKey]]] = []

    def read() -> list[TokenKey]:
        changed_ns = path.stat().st_mtime_ns
        if not seen or seen[0][0] != changed_ns:
            seen[:] = [(changed_ns, parse_keys(path.read_text(encoding="utf-8")))]
        return seen[0][1]

    return TokenKeys(read, clock)


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


def kept_secret(path: Path, draw: Callable[[], str]) -> str:
    """Return the secret that is kept; of several processes that draw at once, the first one's stands."""
    if not path.is_file():
        drawn = path.with_name(f"{path.name}.{os.getpid()}.drawn")
        keep_secret(drawn, draw())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(drawn)
        drawn.unlink()
    return path.read_text(encoding="utf-8").strip()
