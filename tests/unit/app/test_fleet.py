import msgspec

from bijou.app.fleet import fleet
from bijou.app.settings import Delivery, Edge, Settings
from bijou.runtime.settings import load


def with_edges(*edges: str) -> Settings:
    return msgspec.structs.replace(Settings(), delivery=Delivery(list(edges)))


def test_the_demo_is_five_processes_and_a_supervisor() -> None:
    assert [child.name for child in fleet(Settings())] == [
        "control",
        "encoder",
        "origin",
        "edge-east",
        "edge-west",
    ]


def test_each_region_has_an_edge_at_its_own_address() -> None:
    children = fleet(with_edges("north=http://127.0.0.9:7001", "south=http://127.0.0.10:7001"))

    assert [child.health for child in children[3:]] == [("127.0.0.9", 7001), ("127.0.0.10", 7001)]


def test_an_edge_behind_tls_listens_at_an_address_of_this_machine() -> None:
    edges = ("n=https://n.example.org", "s=http://10.0.0.1:80", "w=https://w.example.org:8443")

    children = {child.name: child.health for child in fleet(with_edges(*edges))}

    assert children["edge-n"] == ("127.0.0.2", 8810)
    assert children["edge-s"] == ("10.0.0.1", 80)
    assert children["edge-w"] == ("127.0.0.4", 8810)


def test_a_child_reads_from_its_environment_what_its_parent_was_told() -> None:
    parent = msgspec.structs.replace(with_edges("north=http://127.0.0.9:7001"), edge=Edge(cache_bytes=12345))
    (child,) = fleet(parent)[3:]

    told = load(Settings, environ=child.env)

    assert told.edge == Edge(region="north", host="127.0.0.9", port=7001, cache_bytes=12345)
    assert told.delivery == parent.delivery
