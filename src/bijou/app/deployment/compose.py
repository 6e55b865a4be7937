"""Containers on one machine: an image, and a compose file."""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from bijou.app.deployment.parts import DATA_DIR, IMAGE, WRITTEN, Part, parts_of
from bijou.app.deployment.tls import NGINX, TLS, contained, fronts_of, plan_of
from bijou.app.deployment.yaml_text import yaml_text
from bijou.app.settings import Settings
from bijou.delivery.configs import TlsPlan, tls_conf

_DOCKERFILE: Final = """\
# One image for every service; which one runs is the command's last word. Build it from the repository root:
#   docker build -f deploy/compose/Dockerfile -t bijou .
FROM python:3.11-slim AS build
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt --prefix /installed ".[fast,s3]"

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/bijou --create-home bijou
COPY --from=build /installed /usr/local
USER bijou
WORKDIR /var/lib/bijou
VOLUME /var/lib/bijou
ENTRYPOINT ["python", "-m", "bijou", "run"]
"""


_NETWORK: Final = "172.30.97.0/24"
"""Of the containers, where TLS is in front of them: who calls from there is believed about for whom."""


def compose_files(settings: Settings) -> dict[str, str]:
    """Return an image's recipe, and a compose file of all services.

    What is secret stands in `bijou.env` beside it, if anything does. Addresses
    that are https:// are reached through one nginx for all of them.
    """
    parts = {part.name: part for part in parts_of(settings)}

    def behind(name: str) -> str:
        return f"{name}:{parts[name].port}" if name in parts else ""

    plan = plan_of(settings, behind, kind="compose", folder="")
    fronted = fronts_of(settings, behind) if plan else {}
    document: dict[str, Any] = {
        "name": "bijou",
        "services": {
            name: _service(_behind_tls(part, hidden=name in fronted) if plan else part)
            for name, part in parts.items()
        },
        "volumes": {"data": {}}
        | {f"{part.name}-disk": {} for part in parts.values() if part.service == "edge"},
    }
    files = {"compose/Dockerfile": _DOCKERFILE}
    if plan:
        document["services"][TLS] = _tls(plan)
        document["networks"] = {"default": {"ipam": {"config": [{"subnet": _NETWORK}]}}}
        files["compose/tls.conf"] = tls_conf(contained(plan))
    return files | {"compose/compose.yaml": WRITTEN.format(kind="compose") + yaml_text(document)}


def _behind_tls(part: Part, *, hidden: bool) -> Part:
    if part.service not in {"control", "edge"}:
        return part
    name = f"BIJOU_{part.service.upper()}_TRUSTED_PROXIES"
    believed = ",".join(filter(None, (part.environment.get(name, ""), _NETWORK)))
    return msgspec.structs.replace(
        part, environment=part.environment | {name: believed}, public=part.public and not hidden
    )


def _tls(plan: TlsPlan) -> dict[str, Any]:
    needs = [front.behind.partition(":")[0] for front in plan.fronts]
    ports = {urlsplit(front.url).port or 443 for front in plan.fronts} | {plan.http_port} - {0}
    files = dict.fromkeys((plan.certificate.chain, plan.certificate.key))
    return {
        "image": NGINX,
        "command": ["nginx", "-c", "/etc/bijou/tls.conf"],
        "volumes": ["./tls.conf:/etc/bijou/tls.conf:ro", *(f"{path}:{path}:ro" for path in files)],
        "ports": [f"{port}:{port}" for port in sorted(ports)],
        "depends_on": {need: {"condition": "service_healthy"} for need in needs},
        "restart": "unless-stopped",
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "cap_add": ["CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"],
        "security_opt": ["no-new-privileges:true"],
        "ulimits": {"nofile": 65536},
    }


def _service(part: Part) -> dict[str, Any]:
    volumes = [f"data:{DATA_DIR}" + (":ro" if part.service == "origin" else "")]
    if part.service == "edge":
        region = part.name.removeprefix("edge-")
        volumes = [f"data:{DATA_DIR}:ro", f"{part.name}-disk:{DATA_DIR}/edge-{region}"]
    return {
        "image": IMAGE,
        "command": [part.service],
        "environment": part.environment,
        "env_file": [{"path": "bijou.env", "required": False}],
        "volumes": volumes,
        **({"ports": [f"{part.port}:{part.port}"]} if part.public else {}),
        **(
            {"depends_on": {need: {"condition": "service_healthy"} for need in part.needs}}
            if part.needs
            else {}
        ),
        "healthcheck": {
            "test": ["CMD", "python", "-c", _asks(part.port)],
            "interval": "5s",
            "timeout": "3s",
            "retries": 3,
            "start_period": "20s",
        },
        "restart": "unless-stopped",
        "stop_grace_period": f"{part.stops_within_s}s",
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "ulimits": {"nofile": 65536},
        "mem_limit": part.memory_bytes,
        "cpus": part.cores,
    }


def _asks(port: int) -> str:
    return f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/healthz', timeout=2)"
