"""What a rule about one noun may ask of the others."""

from typing import Protocol, TypeVar

from bijou.ads.model.nouns import Noun
from bijou.ports import InvalidRequest

N = TypeVar("N", bound=Noun)


class Around(Protocol):
    """The configuration that a noun is to join."""

    def find(self, kind: str, name: str) -> Noun | None:
        """Return the current record of a kind by id (by name, where it is named)."""
        ...

    def naming(self, kind: str, field: str, record_id: str) -> list[tuple[str, Noun]]:
        """Return the current records (id, noun) whose `field` names a record."""
        ...


def named(around: Around, field: str, name: str, kind: str, noun: type[N]) -> N:
    """Return what a field names.

    Raises:
        InvalidRequest: `ads.no_such_reference`.
    """
    found = around.find(kind, name)
    if not isinstance(found, noun):
        words = kind.replace("_", " ")
        raise InvalidRequest("ads.no_such_reference", f"{field}: there is no {words} {name!r}; make it first")
    return found


def check_name(name: str, field: str = "name", most: int = 200) -> None:
    """Refuse a name that people cannot read.

    Raises:
        InvalidRequest: `ads.bad_name`.
    """
    if not 1 <= len(name.strip()) <= most or not name.isprintable():
        raise InvalidRequest(
            "ads.bad_name", f"{field}: {name[:80]!r} is no name; it has 1 to {most} printable characters"
        )
