"""What a full volume is called where a batch is brought in."""

import contextlib
import errno
from collections.abc import Iterator
from typing import Final

from bijou.ports import EngineUnavailable

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextlib.contextmanager
def room_for(batch: str) -> Iterator[None]:
    """Say in a sentence that the volume ran full while a batch was brought in.

    Raises:
        EngineUnavailable: `audience.disk_full`.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise EngineUnavailable(
            "audience.disk_full",
            f"the volume ran full while batch {batch} was brought in; nothing was applied; make room, then"
            " order it again: it goes on where it was",
        ) from error
