"""Passwords: kept as argon2id."""

import base64

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Passwords:
    """Hashes and checks; the same time for a name that nobody has.

    Source: RFC 9106, section 4, the second recommended option.
    Cost: 64 MiB and some 0.2 s of CPU a call: for a thread beside the event
    loop, and for few at a time.
    Threads: safe.

    Args:
        time_cost: Passes over the memory, >= 1.
        memory_kib: Memory of one call, >= 8 x `lanes`.
        lanes: Threads of one call, >= 1.
    """

    def __init__(self, *, time_cost: int = 3, memory_kib: int = 64 * 1024, lanes: int = 4) -> None:
        self._hasher = PasswordHasher(time_cost, memory_kib, lanes)
        salt, digest = (base64.b64encode(bytes(n)).decode().rstrip("=") for n in (16, 32))
        # Well-formed and nobody's: checking against it costs the same and fails.
        self._nobodys = f"$argon2id$v=19$m={memory_kib},t={time_cost},p={lanes}${salt}${digest}"

    def hashed(self, password: str) -> str:
        """Return what to keep."""
        return self._hasher.hash(password)

    def matches(self, kept: str | None, password: str) -> bool:
        """Check a password; False, after as long, where nothing is kept."""
        try:
            return self._hasher.verify(kept or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, kept: str) -> bool:
        """Tell whether it was hashed at another cost than today's."""
        return self._hasher.check_needs_rehash(kept)
