"""How people here call the command line, so that what they are told can be copied."""

import os

CALLED_AS = "BIJOU_CALLED_AS"
"""Environment variable with the spelling; `./run` sets it."""


def spelling() -> str:
    """Return what stands before a command's name: `bijou`, or `./run` in a clone."""
    return os.environ.get(CALLED_AS, "") or "bijou"


def command(words: str) -> str:
    """Return a command as it can be typed.

    Example:
        >>> command("upload film.mp4").endswith(" upload film.mp4")
        True
    """
    return f"{spelling()} {words}"
