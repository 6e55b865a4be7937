"""Passwords: kept as argon2id, checked away from the event loop."""

import asyncio
import base64

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Passwords:
    """Hashes and checks; the same time for a name that nobody has.

    Source: RFC 9106, section 4, the second recommended option.
    Cost: 64 MiB and some 0.2 s of CPU a call, at most `at_once` together, so
    that sign-ins cannot take the machine's memory.
    Threads: one event loop.

    Args:
        time_cost: Passes over the memory, >= 1.
        memory_kib: Memory of one call, >= 8 x `lanes`.
        lanes: Threads of one call, >= 1.
        at_once: Calls at the same time, >= 1.
    """

    def __init__(
        self, *, time_cost: int = 3, memory_kib: int = 64 * 1024, lanes: int = 4, at_once: int = 2
    ) -> None:
        self._hasher = PasswordHasher(time_cost, memory_kib, lanes)
        self._turn = asyncio.Semaphore(at_once)
        salt, digest = (base64.b64encode(bytes(n)).decode().rstrip("=") for n in (16, 32))
        # Well-formed and nobody's: checking against it costs the same and fails.
        self._nobodys = f"$argon2id$v=19$m={memory_kib},t={time_cost},p={lanes}${salt}${digest}"

    async def hashed(self, password: str) -> str:
        """Return what to keep."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, kept: str | None, password: str) -> bool:
        """Check a password; False, after as long, where nothing is kept."""
        async with self._turn:
            return await asyncio.to_thread(self._matches, kept or self._nobodys, password)

    def outdated(self, kept: str) -> bool:
        """Tell whether it was hashed at another cost than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False
