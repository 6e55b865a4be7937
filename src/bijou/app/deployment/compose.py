"""Containers on one machine: an image, and a compose file."""

from typing import Any, Final

from bijou.app.deployment.parts import DATA_DIR, IMAGE, WRITTEN, Part, parts_of
from bijou.app.deployment.yaml_text import yaml_text
from bijou.app.settings import Settings

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


def compose_files(settings: Settings) -> dict[str, str]:
    """Return an image's recipe, and a compose file of all services.

    What is secret stands in `bijou.env` beside it, if anything does.
    """
    parts = parts_of(settings)
    document = {
        "name": "bijou",
        "services": {part.name: _service(part) for part in parts},
        "volumes": {"data": {}} | {f"{part.name}-disk": {} for part in parts if part.service == "edge"},
    }
    text = WRITTEN.format(kind="compose") + yaml_text(document)
    return {"compose/Dockerfile": _DOCKERFILE, "compose/compose.yaml": text}


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
