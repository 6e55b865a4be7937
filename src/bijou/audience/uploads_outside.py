"""What batches need from outside: who receives files, and who brings a batch in."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bijou.audience.uploads_progress import Heard


class Bringing(Protocol):
    """Brings one batch in, in a process of its own or here."""

    async def __call__(self, order: Path, tell: Callable[[Heard], None]) -> None:
        """Return when there is nothing more to tell; the last words are a report or a problem.

        Without such last words it has died. Cancelled, nothing of it runs any
        more when this ends, and it goes on where it was when it is called again.

        Args:
            order: The file of the `Order`.
        """
        ...


class Uploads(Protocol):
    """Receives files, resumably."""

    async def open(self, filename: str, size_bytes: int, owner: str) -> str:
        """Announce a file; return the id of its upload."""
        ...

    async def received_bytes(self, upload_id: str) -> int:
        """Return how many bytes have come; NotFound `ingest.no_upload`."""
        ...

    async def release(self, upload_id: str) -> None:
        """Delete the bytes; what they were for is over."""
        ...
