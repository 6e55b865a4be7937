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
from bijou.app.settings import Delivery, Edge, House, Settings
from bijou.runtime.settings import load

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


def test_varnish_takes_its_vcl_with_shields_and_without(tmp_path: Path) -> None:
    if shutil.which("varnishd") is None:
        pytest.skip("Varnish is not installed here")
    for settings in (Settings(), CHANGED):
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
