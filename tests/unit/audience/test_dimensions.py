import pytest

from bijou.audience import SHIPPED, Dimension, In, Kind, Registry, Source
from bijou.audience.rules.reading import read_rule
from bijou.ports import Conflict, InvalidRequest


def test_a_dimension_is_added_as_data_and_rules_may_ask_it_at_once() -> None:
    registry = Registry.shipped()
    registry.register(Dimension("seat", Kind.CATEGORY, source=Source.REQUEST, values=("front", "back")))

    assert read_rule('seat in ("front")', registry) == In("seat", ("front",))


def test_all_that_ships_can_be_registered_again_and_has_a_sentence() -> None:
    assert len(Registry(SHIPPED)) == len(SHIPPED) >= 30
    assert all(dimension.says for dimension in SHIPPED)


@pytest.mark.parametrize(
    "dimension",
    [
        Dimension("Age", Kind.INTEGER),
        Dimension("and", Kind.FLAG),
        Dimension("", Kind.FLAG),
        Dimension("a" * 65, Kind.FLAG),
        Dimension("live", Kind.FLAG, values=("yes",)),
        Dimension("age", Kind.INTEGER, low=9, high=3),
        Dimension("team", Kind.CATEGORY, low=9),
        Dimension("likes", Kind.SET, values=tuple(str(n) for n in range(64))),
    ],
)
def test_a_dimension_that_contradicts_itself_is_refused(dimension: Dimension) -> None:
    with pytest.raises(InvalidRequest, match="dimension"):
        Registry((dimension,))


def test_what_is_stored_never_changes_its_meaning() -> None:
    registry = Registry.shipped()

    with pytest.raises(Conflict, match="age is an integer of the profile, and cannot become a category"):
        registry.register(Dimension("age", Kind.CATEGORY))
