"""Transactions on a relational store."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


class Records(Protocol):
    """Runs a function inside a transaction, away from the event loop.

    The function gets a SQLAlchemy `Connection`, must be quick, and must not
    await: no transaction is open while anything slow happens.
    """

    async def read(self, work: "Callable[[Connection], T]") -> T:
        """Run `work` on one consistent snapshot."""
        ...

    async def write(self, work: "Callable[[Connection], T]") -> T:
        """Run `work` and commit durably before returning; roll back if it raises."""
        ...

    async def close(self) -> None:
        """Finish what is running and let the store go."""
        ...
