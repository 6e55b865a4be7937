"""The whole service behind nginx that speaks TLS, as `bijou deploy nginx` configures it."""

import json
import shutil
import signal
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit

import imageio_ffmpeg
import pytest
from playwright.sync_api import Browser

from tests.contract.certificates import Shown, certified
from tests.topology.installation import WITHOUT, Installation, eventually, start

SITE, EAST, WEST = "127.0.0.20", "127.0.0.21", "127.0.0.22"


class Fortress(NamedTuple):
    """An installation that is reached over TLS only, and who signed for it."""

    running: Installation
    site: str
    edges: dict[str, str]
    plain_port: int
    shown: Shown

    def fetch(self, address: str, body: dict[str, str] | None = None) -> Any:
        """Ask over TLS, the certificate checked; return the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"} if data else {})
        return urllib.request.urlopen(request, timeout=10, context=self.shown.trust())

    def read(self, address: str, body: dict[str, str] | None = None) -> Any:
        with self.fetch(address, body) as answer:
            return json.load(answer)


def free_ports(*places: tuple[str, ...]) -> list[int]:
    """Return a port for each group of hosts, free at all of them."""
    ports = []
    with ExitStack() as held:
        for hosts in places:
            port = 0
            for host in hosts:
                probe = held.enter_context(socket.socket())
                probe.bind((host, port))
                port = probe.getsockname()[1]
            ports.append(port)
    return ports


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    if shutil.which("nginx") is None or "nginx-light" in WITHOUT:
        pytest.skip("nginx is not installed here, or left out on purpose")
    folder = tmp_path_factory.mktemp("tls")
    shown = certified(folder, SITE, EAST, WEST)
    secure, behind, plain_port = free_ports(
        (SITE, EAST, WEST), ("127.0.0.2", "127.0.0.3"), (SITE, EAST, WEST)
    )
    site = f"https://{SITE}:{secure}"
    edges = {"east": f"https://{EAST}:{secure}", "west": f"https://{WEST}:{secure}"}
    told = {
        "BIJOU_CONTROL_PUBLIC_URL": site,
        "BIJOU_DELIVERY_EDGES": ",".join(f"{region}={address}" for region, address in edges.items()),
        "BIJOU_EDGE_PORT": str(behind),
        "BIJOU_TLS_CERTIFICATE": str(shown.certificate),
        "BIJOU_TLS_KEY": str(shown.key),
        "BIJOU_TLS_CA": str(shown.authority),
        "BIJOU_TLS_HTTP_PORT": str(plain_port),
        "SSL_CERT_FILE": str(shown.authority),
    }
    running = start(tmp_path_factory.mktemp("behind"), "serve", told=told)
    with ExitStack() as ending:
        ending.callback(running.end)
        nginx = ending.enter_context(in_front(running, folder))
        ending.callback(nginx.send_signal, signal.SIGTERM)
        eventually(running.healthy, 60, "all services healthy")
        yield Fortress(running, site, edges, plain_port, shown)


def in_front(running: Installation, folder: Path) -> "subprocess.Popen[bytes]":
    """Start the nginx that the installation's own settings describe."""
    assert running.command("deploy", "nginx", str(folder)).returncode == 0
    conf = folder / "nginx" / "tls.conf"
    text = conf.read_text().replace("worker_processes auto;", "worker_processes 1;")
    conf.write_text(text.replace("/run/bijou-tls", str(folder)))
    with (folder / "nginx.log").open("wb") as log:
        return subprocess.Popen(["nginx", "-c", str(conf)], stdout=log, stderr=log)


@pytest.fixture(scope="module")
def slug(fortress: Fortress, tmp_path_factory: pytest.TempPathFactory) -> str:
    film = tmp_path_factory.mktemp("short") / "short.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc2=size=426x240:rate=24:duration=8"]
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([ffmpeg, "-v", "error", *picture, *encode, str(film)], check=True)
    sent = fortress.running.command("upload", str(film), "--server", fortress.site, "--json")
    assert sent.returncode == 0, sent.stderr
    return "short"


def test_a_browsers_session_is_for_tls_alone_and_it_is_told_to_insist(fortress: Fortress) -> None:
    password = (fortress.running.folder / "keys" / "operator.password").read_text().strip()

    with fortress.fetch(f"{fortress.site}/api/sign-in", {"name": "operator", "password": password}) as answer:
        cookie = answer.headers["Set-Cookie"]
        insists = answer.headers["Strict-Transport-Security"]

    assert "; Secure" in cookie
    assert "HttpOnly" in cookie
    assert int(insists.removeprefix("max-age=")) >= 86400 * 30


def test_what_comes_in_plain_is_sent_to_the_same_address_over_tls(fortress: Fortress) -> None:
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    with pytest.raises(HTTPError) as redirected:
        urllib.request.build_opener(Stay).open(f"http://{SITE}:{fortress.plain_port}/t/x?y=1", timeout=10)

    redirected.value.close()
    assert redirected.value.code == 308
    assert redirected.value.headers["Location"] == f"{fortress.site}/t/x?y=1"


def test_only_tls_that_is_sound_is_spoken_and_http_2_beside_http_1(fortress: Fortress) -> None:
    place = urlsplit(fortress.site)
    trust = fortress.shown.trust()
    trust.set_alpn_protocols(["h2", "http/1.1"])
    old = fortress.shown.trust()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("AES128-SHA:@SECLEVEL=0")

    with (
        socket.create_connection((SITE, place.port), timeout=10) as line,
        trust.wrap_socket(line, server_hostname=SITE) as spoken,
    ):
        assert (spoken.version(), spoken.selected_alpn_protocol()) == ("TLSv1.3", "h2")
    with (
        socket.create_connection((SITE, place.port), timeout=10) as line,
        pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"),
    ):
        old.wrap_socket(line, server_hostname=SITE)


def test_edges_behind_tls_are_probed_by_each_other(fortress: Fortress) -> None:
    def probed() -> bool:
        ways = {way["region"]: way for way in fortress.read(f"{fortress.edges['east']}/healthz")["pathways"]}
        return ways["west"]["probe_s"] is not None and ways["west"]["level"] == "up"

    eventually(probed, 20, "the edge in the east reached the one in the west over TLS")


def test_a_session_is_given_addresses_of_tls_and_steered_to_no_others(fortress: Fortress, slug: str) -> None:
    session = fortress.read(f"{fortress.site}/api/titles/{slug}/playback", {})
    answer = fortress.read(session["steering"])

    assert {way["id"]: way["hls"].split("/media/")[0] for way in session["pathways"]} == fortress.edges
    assert answer["RELOAD-URI"].startswith(f"{fortress.edges['east']}/steer/")
    assert sorted(answer["PATHWAY-PRIORITY"]) == ["east", "west"]


@pytest.mark.browser
def test_a_browser_watches_a_film_over_tls_and_nothing_goes_in_plain(
    fortress: Fortress, slug: str, browser: Browser
) -> None:
    # The test's authority is in no browser; that certificates hold is checked by the tests above.
    context = browser.new_context(base_url=fortress.site, ignore_https_errors=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/watch/{slug}")
    eventually(
        lambda: page.evaluate("() => window.bijouPlayer?.state().currentTime ?? 0") > 2, 40, "the film plays"
    )
    spoken = page.evaluate("() => performance.getEntriesByType('navigation')[0].nextHopProtocol")
    errors = page.evaluate("() => window.bijouPlayer.state().errors")
    context.close()

    assert spoken == "h2"
    assert errors == []
    assert any(urlsplit(address).path.endswith(".m4s") for address in asked)
    assert {urlsplit(address).scheme for address in asked} <= {"https", "blob", "data"}
