import asyncio
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bijou.app.addresses import edge_fetches, is_own
from bijou.app.fleet import check_addresses, fleet
from bijou.app.rules import check, proxies_of
from bijou.app.settings import Settings
from bijou.app.status import ServiceStatus, read_status, write_status
from bijou.app.trust import trusted_authorities
from bijou.ports import EngineUnavailable, Instant, InvalidRequest, SystemClock
from bijou.runtime.lockfile import hold
from bijou.runtime.settings import load


def told(**flags: str) -> Settings:
    return load(Settings, flags={f"--{name.replace('_', '-')}": value for name, value in flags.items()})


EDGE = "east=http://127.0.0.2:8810"


CERTIFIED = {"tls_certificate": "/c.pem", "tls_key": "/k.pem", "control_public_url": "https://a.example"}


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"house_log_level": "loud"}, "--house-log-level = 'loud'"),
        ({"encoder_child_memory_bytes": "1"}, "--encoder-child-memory-bytes = '1'"),
        ({"encoder_probe_memory_bytes": "1"}, "--encoder-probe-memory-bytes = '1'"),
        ({"delivery_edges": "east=http://127.0.0.2:99999"}, "[delivery] edges: east=http://127.0.0.2:99999"),
        ({"delivery_edges": ""}, "[delivery] edges is empty"),
        ({"edge_fill_hours": "1,24"}, "[edge] fill_hours: '24' is no hour of the day"),
        ({"edge_fill_hours": "one"}, "[edge] fill_hours: 'one' is no hour of the day"),
        ({"edge_fill_bps": "9"}, "[edge] fill_bps = 9; it takes 0 or at least 100000"),
        ({"edge_fill_quiet": "1"}, "--edge-fill-quiet = '1'"),
        (
            {"delivery_edges": f"{EDGE},east=http://127.0.0.3:8810"},
            "[delivery] edges names the region east twice",
        ),
        ({"delivery_edges": "../up=http://127.0.0.2:8810"}, "[delivery] edges: ../up=http://127.0.0.2:8810"),
        ({"delivery_edges": "http://127.0.0.2:1"}, "takes region=http://host:port"),
        ({"delivery_edges": "=http://127.0.0.2:1"}, "takes region=http://host:port"),
        ({"delivery_edges": "east=127.0.0.2:1"}, "takes region=http://host:port"),
        ({"delivery_edges": "east=ftp://127.0.0.2"}, "takes region=http://host:port"),
        ({"edge_region": "../up"}, "[edge] region = '../up'"),
        ({"control_public_url": "nonsense"}, "[control] public_url = 'nonsense'"),
        ({"house_records": "mysql://ada:sesame@db/bijou"}, "[house] records is no address of PostgreSQL"),
        ({"encoding_recipes": "h264_aac,mpeg1"}, "[encoding] recipes names mpeg1; it takes one or more of"),
        ({"encoding_recipes": ""}, "[encoding] recipes names nothing"),
        ({"edge_origin_url": "http://"}, "[edge] origin_url = 'http://'"),
        ({"accounts_operator_name": "Not a name!"}, "[accounts] operator_name = 'Not a name!'"),
        ({"accounts_operator_password": "sesame"}, "[accounts] operator_password has 6 characters"),
        ({"control_trusted_proxies": "somebody"}, "[control] trusted_proxies: 'somebody'"),
        ({"edge_trusted_proxies": "10.0.0.0/33"}, "[edge] trusted_proxies: '10.0.0.0/33'"),
        ({"tls_certificate": "/c.pem"}, "[tls] certificate = '/c.pem' and key = ''; it takes both files"),
        ({"tls_key": "/k.pem"}, "[tls] certificate = '' and key = '/k.pem'; it takes both files"),
        ({**CERTIFIED, "tls_key": "k.pem"}, "[tls] key = 'k.pem'; it takes an absolute path"),
        ({**CERTIFIED, "tls_certificate": "/c;}.pem"}, "[tls] certificate = '/c;}.pem'"),
        ({"tls_certificate": "/c.pem", "tls_key": "/k.pem"}, "and no address is https://; see [control]"),
        ({"tls_host": "localhost"}, "[tls] host = 'localhost' is no address"),
        ({"tls_http_port": "65536"}, "--tls-http-port = '65536'"),
        ({"tls_hsts_s": "-1"}, "--tls-hsts-s = '-1'"),
    ],
)
def test_a_setting_that_cannot_work_is_one_sentence_before_anything_starts(
    flags: dict[str, str], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(says)) as refused:
        check(told(**flags))

    assert refused.value.code == "settings.bad_value"
    assert "sesame" not in refused.value.detail


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"control_public_url": "https://films.example.org"},
        {"control_trusted_proxies": "127.0.0.1, 10.0.0.0/8, ::1"},
        {"accounts_operator_password": "a long pass phrase", "accounts_operator_name": "Edda@Example.org"},
        {"delivery_edges": "n-1=https://edge.example.org"},
        {"tls_certificate": "/c.pem", "tls_key": "/k.pem", "control_public_url": "https://films.example.org"},
    ],
)
def test_a_setting_that_works_passes(flags: dict[str, str]) -> None:
    check(told(**flags))


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"origin_port": "8800"}, "control and origin would both listen at 127.0.0.1:8800"),
        (
            {"delivery_edges": f"{EDGE},west=http://127.0.0.2:8810"},
            "edge-east and edge-west would both listen at 127.0.0.2:8810",
        ),
        (
            {"encoder_host": "0.0.0.0", "encoder_port": "8810"},
            "encoder and edge-east would both listen at 127.0.0.2:8810",
        ),
        ({"origin_port": "0"}, "origin has no port"),
    ],
)
def test_two_services_at_one_address_are_named(flags: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(says)) as refused:
        fleet(told(**flags))

    assert refused.value.code.startswith("settings.")


def test_all_addresses_that_are_taken_are_named_at_once_with_their_settings() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.2", 0)) as other:
        control, east = one.getsockname()[1], other.getsockname()[1]
        flags = {"control_port": str(control), "delivery_edges": f"east=http://127.0.0.2:{east}"}
        children = [child for child in fleet(told(**flags)) if child.name in {"control", "edge-east"}]
        with pytest.raises(EngineUnavailable) as refused:
            asyncio.run(check_addresses(children, SystemClock(), patience_s=0))

    assert refused.value.detail == (
        f"127.0.0.1:{control} is taken by another program ([control] host and port), "
        f"127.0.0.2:{east} is taken by another program ([delivery] edges); "
        "stop what is there, or choose other addresses"
    )
    asyncio.run(check_addresses(children, SystemClock(), patience_s=1))


def at(folder: Path, **flags: str) -> Settings:
    return told(house_data_dir=str(folder), **flags)


@pytest.mark.parametrize(
    ("server", "own"),
    [
        ("http://127.0.0.1:8800", True),
        ("http://127.0.0.1:8800/", True),
        ("http://localhost:8800", True),
        ("HTTP://LOCALHOST:8800", True),
        ("https://films.example.org:443", True),
        ("https://films.example.org", True),
        ("http://films.example.org", False),
        ("https://127.0.0.1:8800", False),
        ("http://127.0.0.1:8801", False),
        ("http://127.0.0.1", False),
        ("http://127.0.0.1:8800@evil.example.org", False),
        ("http://127.0.0.1.evil.example.org:8800", False),
        ("http://evil.example.org:8800", False),
        ("nonsense", False),
        ("http://127.0.0.1:99999", False),
    ],
)
def test_an_address_is_this_installations_own_or_it_is_not(server: str, *, own: bool, tmp_path: Path) -> None:
    assert is_own(at(tmp_path, control_public_url="https://films.example.org"), server) is own


def test_a_running_installation_says_itself_where_it_is(tmp_path: Path) -> None:
    settings = at(tmp_path)
    write_status(tmp_path, [ServiceStatus("control", True, "http://127.0.0.1:9000", Instant(0), 0)])

    assert not is_own(settings, "http://127.0.0.1:9000")
    with hold(tmp_path):
        assert is_own(settings, "http://127.0.0.1:9000")


def test_a_status_is_believed_while_somebody_holds_the_folder(tmp_path: Path) -> None:
    services = [ServiceStatus("control", True, "http://127.0.0.1:9000", Instant(0), 0)]
    with hold(tmp_path):
        write_status(tmp_path, services)
        assert read_status(tmp_path) == services

    assert read_status(tmp_path) == []


@pytest.mark.parametrize(
    ("service", "flags", "finds", "address"),
    [
        ("edge", {"origin_port": "9001", "origin_host": "::"}, edge_fetches, "http://[::1]:9001"),
        ("edge", {"edge_origin_url": "http://far:1"}, edge_fetches, "http://far:1"),
    ],
)
def test_a_child_finds_its_peer(
    service: str, flags: dict[str, str], finds: Callable[[Settings], str], address: str
) -> None:
    child = next(child for child in fleet(told(**flags)) if child.argv[-1] == service)

    assert finds(load(Settings, environ=child.env)) == address


def test_nginx_on_this_machine_is_believed_about_whom_it_calls_for_where_it_speaks_tls() -> None:
    assert proxies_of(told(control_trusted_proxies="10.0.0.1")) == ["10.0.0.1"]
    assert proxies_of(told(**CERTIFIED)) == ["127.0.0.1", "::1"]


@pytest.mark.parametrize("ca", ["/nowhere/authority.pem", __file__])
def test_authorities_that_cannot_be_read_are_one_sentence(ca: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(f"[tls] ca = {ca!r} cannot be read")):
        trusted_authorities(told(tls_ca=ca, delivery_edges="east=https://edge.example.org"))


def test_authorities_are_read_only_where_somebody_is_called_over_tls() -> None:
    assert trusted_authorities(told(tls_ca="/nowhere/authority.pem")) is None
    assert trusted_authorities(told(edge_origin_url="https://origin.example.org")) is not None
