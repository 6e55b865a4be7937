"""What somebody wants of a film, and what that means for a folder that has begun with it."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bijou.app.film_folder import Edition, Ledger
from bijou.encoding import recipe_names
from bijou.packaging import read_captions
from bijou.ports import Blobs, Conflict, InvalidRequest

_NO_KEY = re.compile(r"[^A-Za-z0-9._-]+")


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants of a film.

    Args:
        recipes: Names; none: what the folder has begun with, or the default.
        captions: Files that belong to the film.
        workers: Encodes at the same time.
        score: Whether to measure what has come out.
    """

    file: Path
    out: Path
    recipes: tuple[str, ...] = ()
    encrypt: bool = False
    captions: tuple[Path, ...] = ()
    analyse: bool = True
    workers: int = 0
    score: bool = True


def agreed(wish: Wish, known: Ledger | None, film: str, captions: tuple[str, ...]) -> Ledger:
    """Return what a folder will hold: what it was begun with, and what is asked for now.

    Args:
        known: What it says of itself; None where nothing was begun.
        film: Digest of the film that is to go in.
        captions: Blob keys of the wish's captions.

    Raises:
        Conflict: `cli.other_film`.
        InvalidRequest: `cli.other_wish`.

    Example:
        >>> wish = Wish(Path("film.mp4"), Path("out"))
        >>> begun = agreed(wish, None, "5e1f", ())
        >>> begun.editions
        (Edition(version=1, recipes=('h264_aac',)),)
        >>> more = replace(wish, recipes=("h264_aac", "vvc"))
        >>> agreed(more, begun, "5e1f", ()).editions[1]
        Edition(version=2, recipes=('vvc',))
    """
    if known is None:
        recipes = tuple(dict.fromkeys(wish.recipes or recipe_names()[:1]))
        return Ledger(film, wish.file.name, wish.encrypt, wish.analyse, captions, (Edition(1, recipes),))
    if known.film != film:
        raise Conflict(
            "cli.other_film",
            f"{wish.out} holds {known.name}, and {wish.file} is another film; name another folder",
        )
    _check_same("encryption", wish, known.encrypt, wish.encrypt or known.encrypt)
    _check_same("captions", wish, known.captions, captions or known.captions)
    more = tuple(name for name in dict.fromkeys(wish.recipes) if name not in known.recipes)
    if not more:
        return known
    return replace(known, editions=(*known.editions, Edition(known.editions[-1].version + 1, more)))


def _check_same(what: str, wish: Wish, then: object, now: object) -> None:
    if then != now:
        raise InvalidRequest(
            "cli.other_wish",
            f"{wish.out} was begun with other {what}; ask for the same, or name another folder",
        )


async def bring_captions(files: Sequence[Path], blobs: Blobs) -> tuple[str, ...]:
    """Store files of captions under keys that tell what they hold and how they are called.

    Raises:
        InvalidRequest: `cli.no_file`, and what `read_captions` says.
    """
    keys = []
    for path in files:
        content = _caption_bytes(path)
        name = _NO_KEY.sub("-", path.name).lstrip(".-") or "captions"
        keys.append(f"captions/{hashlib.sha256(content).hexdigest()[:16]}/{name}")
        await blobs.put(keys[-1], content)
    return tuple(keys)


def check_file(file: Path) -> None:
    """Refuse what is no file; InvalidRequest `cli.no_file`."""
    if not file.is_file():
        raise InvalidRequest("cli.no_file", f"{file} is not a file that can be read here")


def _caption_bytes(path: Path) -> bytes:
    """Return a file of captions that makes sense."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidRequest("cli.no_file", f"{path} cannot be read: {error.strerror}") from error
    try:
        read_captions(content)
    except InvalidRequest as refused:
        raise InvalidRequest(refused.code, f"{path}: {refused.detail}") from refused
    return content
