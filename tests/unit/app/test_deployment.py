"""What `bijou deploy` writes is what is committed, and what those who run it take."""

import re
import shutil
import subprocess
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml  # type: ignore[import-untyped]

from bijou.app.deployment import KINDS
from bijou.app.deployment.parts import parts_of
from bijou.app.deployment.yaml_text import yaml_text
from bijou.app.settings import Control, Delivery, Edge, House, Settings, Tls
from bijou.ports import InvalidRequest
from bijou.runtime.settings import load
from tests.contract.certificates import certified

SECURE = msgspec.structs.replace(
    Settings(),
    control=Control(public_url="https://films.example.org"),
    delivery=Delivery(
        edges=["east=https://east.example.org", "west=https://192.0.2.7:8443", "far=http://10.0.0.9:80"]
    ),
    tls=Tls(certificate="/etc/ssl/films.pem", key="/etc/ssl/films.key", stapling=True),
)
DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
CHANGED = msgspec.structs.replace(
    Settings(),
    house=House(service_key="a secret", records="postgresql://u:a-secret@db/x", blobs="s3://films/media"),
    edge=Edge(
        cache_bytes=1 << 30, shields=["http://10.0.0.1:8810", "http://10.0.0.2:8810"], disk_bytes=1 << 34
    ),
    delivery=Delivery(edges=["north=http://10.1.0.1:80"], token_s=600.0),
)


def files_of(settings: Settings) -> dict[str, str]:
    return {path: text for kind in KINDS.values() for path, text in kind(settings).items()}


def test_the_committed_files_are_those_of_the_defaults() -> None:
    written = files_of(Settings())
    kept = {
        path.relative_to(DEPLOY).as_posix(): path.read_text() for path in DEPLOY.rglob("*") if path.is_file()
    }

    assert kept == written, "bijou deploy KIND, for each kind, writes them again"


def test_no_file_holds_a_secret() -> None:
    for path, text in files_of(CHANGED).items():
        assert "secret@" not in text, path
        assert "a secret" not in text, path
        assert "a-secret" not in text, path


def test_each_service_reads_from_its_environment_the_settings_it_was_written_from() -> None:
    for part in parts_of(CHANGED):
        read = load(Settings, environ=part.environment)

        assert read.house.blobs == "s3://films/media"
        assert read.delivery.token_s == 600.0
        if part.service == "edge":
            assert (read.edge.region, read.edge.port) == ("north", 80)
            assert (read.edge.cache_bytes, read.edge.shields) == (1 << 30, CHANGED.edge.shields)
            assert read.edge.origin_url == "http://origin:8801"


def test_compose_names_only_services_and_volumes_that_are_there() -> None:
    document = yaml.safe_load(KINDS["compose"](CHANGED)["compose/compose.yaml"])
    services = document["services"]

    assert list(services) == ["control", "origin", "encoder", "edge-north"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(document["volumes"])
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        compile(service["healthcheck"]["test"][3], "healthcheck", "exec")
    assert services["edge-north"]["ports"] == ["80:80"]
    assert "ports" not in services["encoder"]


def test_kubernetes_selects_what_it_labels_and_mounts_what_it_has() -> None:
    objects = [
        document
        for path, text in KINDS["kubernetes"](CHANGED).items()
        for document in yaml.safe_load_all(text)
        if path
    ]
    kinds = {
        kind: [each for each in objects if each["kind"] == kind]
        for kind in {each["kind"] for each in objects}
    }
    claims = {claim["metadata"]["name"] for claim in kinds["PersistentVolumeClaim"]}

    assert set(kinds) == {"PersistentVolumeClaim", "Service", "Deployment", "PodDisruptionBudget"}
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", each["metadata"]["name"]) for each in objects)
    for service, workload in zip(kinds["Service"], kinds["Deployment"], strict=True):
        pod = workload["spec"]["template"]
        (container,) = pod["spec"]["containers"]
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        assert (
            service["spec"]["selector"]
            == pod["metadata"]["labels"]
            == workload["spec"]["selector"]["matchLabels"]
        )
        assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
        assert {
            v["persistentVolumeClaim"]["claimName"] for v in volumes.values() if "persistentVolumeClaim" in v
        } <= claims
        assert container["ports"][0]["name"] == container["readinessProbe"]["httpGet"]["port"]
        assert container["ports"][0]["containerPort"] == service["spec"]["ports"][0]["port"]
        assert pod["spec"]["terminationGracePeriodSeconds"] > 20
        assert all(isinstance(each["value"], str) for each in container["env"])


def test_units_are_what_systemd_takes(tmp_path: Path) -> None:
    files = KINDS["systemd"](CHANGED)
    for path, text in files.items():
        sections = {key for key, _ in groupby(re.findall(r"^\[(\w+)\]$", text, re.MULTILINE))}
        assert sections in ({"Unit", "Service", "Install"}, {"Unit", "Install"}), path
        (tmp_path / Path(path).name).write_text(text.replace("/opt/bijou/bin/python", "/bin/true"))
    if shutil.which("systemd-analyze") is None:
        return
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.glob("*.service"))],
        capture_output=True, text=True, check=False,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    complaints = [
        line for line in told.stderr.splitlines() if "bijou-" in line and "bijou.target" not in line
    ]
    assert complaints == []


def test_nginx_takes_its_configuration_with_shields_and_without(tmp_path: Path) -> None:
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed here")
    for number, settings in enumerate((Settings(), CHANGED)):
        for path, text in KINDS["nginx"](settings).items():
            conf = tmp_path / f"{number}-{Path(path).name}"
            folder = tmp_path / conf.stem
            folder.mkdir()
            own = re.sub(r"/var/cache/bijou-edge/\w+", str(folder), text)
            conf.write_text(re.sub(r"listen \S+", f"listen unix:{folder}/socket", own))
            told = subprocess.run(
                ["nginx", "-t", "-c", str(conf)], capture_output=True, text=True, check=False
            )
            assert told.returncode == 0, told.stderr


def test_nginx_takes_the_configuration_of_tls_wherever_it_is_written(tmp_path: Path) -> None:
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed here")
    shown = certified(tmp_path, "films.example.org")
    inside = msgspec.structs.replace(
        SECURE, tls=Tls(certificate=str(shown.certificate), key=str(shown.key), stapling=True)
    )
    texts = {path: text for path, text in KINDS["nginx"](inside).items() if path != "nginx/far.conf"}
    texts["compose"] = KINDS["compose"](inside)["compose/tls.conf"]
    for part in ("control", "edge-east"):
        objects = yaml.safe_load_all(KINDS["kubernetes"](inside)[f"kubernetes/{part}.yaml"])
        (kept,) = [each for each in objects if each["kind"] == "ConfigMap"]
        texts[part] = kept["data"]["tls.conf"]
    for number, (path, text) in enumerate(texts.items()):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        own = re.sub(
            r"/var/cache/bijou-edge/\w+|/run/bijou-tls|/tmp(?=/(body|coming|unused|nginx))", str(folder), text
        )
        own = own.replace("/etc/bijou/shown/tls.crt", str(shown.certificate))
        own = own.replace("/etc/bijou/shown/tls.key", str(shown.key))
        own = re.sub(r"(listen) [0-9.]+:([0-9]+)", rf"\1 unix:{folder}/\2", own)
        own = re.sub(r"server (control|edge-\w+):", "server 127.0.0.1:", own)  # no such names here
        (tmp_path / f"{number}.conf").write_text(own)
        told = subprocess.run(
            ["nginx", "-t", "-c", str(tmp_path / f"{number}.conf")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert told.returncode == 0, (path, told.stderr)
        assert text.count("http2") >= 1


def test_tls_is_spoken_for_what_is_https_and_before_it_alone() -> None:
    files = files_of(SECURE)
    conf = files["nginx/tls.conf"]

    assert re.findall(r"server_name (\S+);\n.*\n?", conf)[:3] == [
        "films.example.org",
        "east.example.org",
        "192.0.2.7",
    ]
    assert re.findall(r"upstream \S+ { server (\S+) ", conf) == [
        "127.0.0.1:8800",
        "127.0.0.2:8810",
        "127.0.0.3:8810",
    ]
    assert re.findall(r"listen (\S+) ssl http2", conf) == ["0.0.0.0:443", "0.0.0.0:443", "192.0.2.7:8443"]
    assert conf.count("ssl_reject_handshake on;") == 1
    assert "listen 0.0.0.0:443 ssl http2 backlog=4096;" in files["nginx/east.conf"]
    assert "listen 10.0.0.9:80 backlog=4096;" in files["nginx/far.conf"]
    assert "-a 127.0.0.2:8810" in files["varnish/east.sh"]
    assert "nginx/tls.conf" not in files_of(Settings())


def test_who_is_behind_tls_is_reached_through_it_alone() -> None:
    files = files_of(SECURE)
    compose = yaml.safe_load(files["compose/compose.yaml"])
    services = compose["services"]
    unit = files["systemd/bijou-edge-east.service"]

    assert services["tls"]["ports"] == ["80:80", "443:443", "8443:8443"]
    assert set(services["tls"]["depends_on"]) == {"control", "edge-east", "edge-west"}
    assert [name for name in services if "ports" in services[name]] == ["edge-far", "tls"]
    (network,) = compose["networks"]["default"]["ipam"]["config"]
    assert services["control"]["environment"]["BIJOU_CONTROL_TRUSTED_PROXIES"] == network["subnet"]
    assert services["edge-east"]["environment"]["BIJOU_EDGE_TRUSTED_PROXIES"] == network["subnet"]
    assert 'Environment="BIJOU_EDGE_HOST=127.0.0.2"' in unit
    assert "bijou-tls.service" in files["systemd/bijou.target"]
    assert "ExecStart=/usr/sbin/nginx -c /etc/bijou/tls.conf" in files["systemd/bijou-tls.service"]
    (east,) = [each for each in objects_of(files, "edge-east") if each["kind"] == "Service"]
    assert [port["port"] for port in east["spec"]["ports"]] == [443, 80]
    (far,) = [each for each in objects_of(files, "edge-far") if each["kind"] == "Service"]
    assert [port["port"] for port in far["spec"]["ports"]] == [80]


def test_who_is_behind_tls_believes_whom_it_believed_before_too() -> None:
    proxies = ["10.9.0.0/16", "10.8.0.1"]
    settings = msgspec.structs.replace(SECURE, edge=Edge(trusted_proxies=proxies))
    services = yaml.safe_load(files_of(settings)["compose/compose.yaml"])["services"]

    for edge in ("edge-east", "edge-far"):
        believed = services[edge]["environment"]["BIJOU_EDGE_TRUSTED_PROXIES"].split(",")
        assert believed[:2] == proxies
        assert len(believed) == 3


def objects_of(files: dict[str, str], part: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(files[f"kubernetes/{part}.yaml"]) if each]


def test_an_origin_over_tls_is_for_our_own_edges() -> None:
    far = msgspec.structs.replace(SECURE, edge=Edge(origin_url="https://origin.example.org"))

    assert set(KINDS["nginx"](far)) == {"nginx/tls.conf"}
    with pytest.raises(InvalidRequest, match="Varnish fetches over http:// only"):
        KINDS["varnish"](far)


def test_varnish_takes_its_vcl_with_shields_and_without(tmp_path: Path) -> None:
    if shutil.which("varnishd") is None:
        pytest.skip("Varnish is not installed here")
    for settings in (Settings(), CHANGED, SECURE):
        text = next(text for path, text in KINDS["varnish"](settings).items() if path.endswith(".vcl"))
        vcl = tmp_path / "edge.vcl"
        vcl.write_text(text)
        told = subprocess.run(
            ["varnishd", "-j", "none", "-C", "-f", str(vcl), "-n", str(tmp_path / "v")],
            capture_output=True,
            check=False,
        )
        assert told.returncode == 0, told.stderr.decode()[-2000:]


@pytest.mark.parametrize(
    "value",
    [{}, [], {"a": [[1, 2], {"b": None}]}, {"a": 'x: "y"\n#'}, [{"a": {"b": []}}, -1.5, True], {"a": {}}],
)
def test_yaml_reads_back_as_it_was(value: Any) -> None:
    assert yaml.safe_load(yaml_text(value)) == value
