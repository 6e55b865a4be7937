"""Keys of blobs as paths of files: parts too long for one name are cut in several."""

import re
from collections.abc import Sequence
from typing import Final

from bijou.ports import InvalidRequest

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_KEY_CHARACTERS: Final = 512
_NAME_CHARACTERS: Final = 200
# No key holds a "~", so names with one are ours: staged files, and parts too long for one file name.
STAGING: Final = "~staging"


def parts_of(key: str) -> list[str]:
    """Return the file path of a key.

    Raises:
        InvalidRequest: `blobs.bad_key`.

    Example:
        >>> parts_of("media/a.m4s")
        ['media', 'a.m4s']
        >>> [len(part) for part in parts_of("k" * 250)]
        [201, 50]
    """
    if len(key) > _KEY_CHARACTERS or not _KEY.fullmatch(key):
        shown = key if len(key) <= 80 else f"{key[:80]}… ({len(key)} characters)"
        rule = "1 to 512 of A-Z a-z 0-9 . _ - /, no part empty or beginning with a dot"
        raise InvalidRequest("blobs.bad_key", f"{shown!r} is no key of a blob; a key is {rule}")
    names: list[str] = []
    for part in key.split("/"):
        cuts = range(0, len(part), _NAME_CHARACTERS)
        names += [f"{part[cut : cut + _NAME_CHARACTERS]}~" for cut in cuts[:-1]]
        names.append(part[cuts[-1] :])
    return names


def folder_of(prefix: str) -> Sequence[str] | None:
    """Return the folder that holds every key under a prefix; None where there can be no such key.

    A prefix may begin inside a part that is cut: then it is the root.

    Example:
        >>> folder_of("media/a/00"), folder_of("../x")
        (['media', 'a'], None)
    """
    folder = prefix.rpartition("/")[0]
    if folder and not _KEY.fullmatch(folder):
        return None
    return [part for part in folder.split("/") if part] if len(folder) <= _NAME_CHARACTERS else []


def within(above: str, folder: str) -> str:
    """Return what the keys in a folder begin with, from what those beside the folder do.

    Example:
        >>> within("media/", "a"), within("media/", "kkk~")
        ('media/a/', 'media/kkk')
    """
    return above + (folder.removesuffix("~") if folder.endswith("~") else f"{folder}/")
