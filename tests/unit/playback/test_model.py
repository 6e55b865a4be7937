from hypothesis import given
from hypothesis import strategies as st

from bijou.delivery.api import EdgeAddress
from bijou.playback.model import preferred

REGIONS = ["east", "north", "west"]


@given(st.permutations(REGIONS), st.sampled_from(["", *REGIONS]))
def test_a_wanted_region_moves_to_the_front_and_no_other_moves(order: list[str], region: str) -> None:
    edges = [EdgeAddress(name, f"http://{name}") for name in order]

    result = [edge.region for edge in preferred(edges, region)]

    assert result == ([region] if region else []) + [name for name in order if name != region]
