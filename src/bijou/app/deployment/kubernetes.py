"""The installation as objects of Kubernetes."""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from bijou.app.deployment.parts import DATA_DIR, IMAGE, WRITTEN, Part, parts_of
from bijou.app.deployment.tls import NGINX, TLS, contained, plan_of
from bijou.app.deployment.yaml_text import yaml_text
from bijou.app.settings import Settings
from bijou.delivery.configs import Certificate, TlsPlan, tls_conf

_USER: Final = 10001
_TLS_PORT, _HTTP_PORT = 8443, 8080
_CONF: Final = "/etc/bijou/tls"
_SHOWN: Final = "/etc/bijou/shown"
_CONFINED: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def kubernetes_files(settings: Settings) -> dict[str, str]:
    """Return one file of objects for each service, and one of what they share.

    Control keeps its records in SQLite: one replica, replaced and never doubled.
    An edge that is told to stop ends its answers first. What is secret stands
    in a Secret named bijou, if anything does; an address that is https:// has
    nginx in its pod, with the certificate of a Secret named bijou-tls.
    """
    parts = parts_of(settings)
    files = {"kubernetes/data.yaml": [_claim("data", "ReadWriteMany", "500Gi")]}
    for part in parts:
        tls = _tls_of(settings, part)
        objects = [_service(part, tls), _workload(part, tls), *_budget(part)]
        files[f"kubernetes/{part.name}.yaml"] = [*objects, *([_tls_settings(part, tls)] if tls else [])]
    return {
        path: WRITTEN.format(kind="kubernetes") + "---\n".join(yaml_text(each) for each in documents)
        for path, documents in files.items()
    }


def _labels(part: Part) -> dict[str, str]:
    return {"app.kubernetes.io/name": "bijou", "app.kubernetes.io/component": part.name}


def _meta(part: Part) -> dict[str, Any]:
    return {"name": part.name, "labels": _labels(part)}


def _claim(name: str, mode: str, size: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": [mode], "resources": {"requests": {"storage": size}}},
    }


def _service(part: Part, tls: TlsPlan | None) -> dict[str, Any]:
    # Callers keep their addresses on the way in: steering and sign-in count by them.
    spec = (
        {"type": "LoadBalancer", "externalTrafficPolicy": "Local"} if part.public else {"type": "ClusterIP"}
    )
    ports: list[dict[str, Any]] = [{"name": "http", "port": part.port, "targetPort": "http"}]
    if tls:
        place = urlsplit(tls.fronts[0].url)
        ports = [{"name": "https", "port": place.port or 443, "targetPort": "https"}]
        ports += [{"name": "plain", "port": 80, "targetPort": "plain"}] if tls.http_port else []
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(part),
        "spec": spec | {"selector": _labels(part), "ports": ports},
    }


def _tls_of(settings: Settings, part: Part) -> TlsPlan | None:
    """Return what the nginx in a part's pod speaks TLS for."""
    plan = plan_of(
        settings,
        lambda name: f"127.0.0.1:{part.port}" if part.public and name == part.name else "",
        kind="kubernetes",
        folder="",
    )
    if plan is None:
        return None
    (front,) = plan.fronts
    return msgspec.structs.replace(
        contained(plan),
        fronts=(msgspec.structs.replace(front, port=_TLS_PORT),),
        certificate=Certificate(f"{_SHOWN}/tls.crt", f"{_SHOWN}/tls.key", plan.certificate.stapling),
        http_port=_HTTP_PORT if plan.http_port else 0,
    )


def _tls_settings(part: Part, tls: TlsPlan) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{part.name}-tls", "labels": _labels(part)},
        "data": {"tls.conf": tls_conf(tls)},
    }


def _tls_container(tls: TlsPlan) -> dict[str, Any]:
    ports = [{"name": "https", "containerPort": _TLS_PORT}]
    ports += [{"name": "plain", "containerPort": _HTTP_PORT}] if tls.http_port else []
    return {
        "name": TLS,
        "image": NGINX,
        "command": ["nginx", "-c", f"{_CONF}/tls.conf"],
        "ports": ports,
        "readinessProbe": {"tcpSocket": {"port": "https"}, "periodSeconds": 2},
        "securityContext": _CONFINED,
        "volumeMounts": [
            {"name": "tls", "mountPath": _CONF, "readOnly": True},
            {"name": "shown", "mountPath": _SHOWN, "readOnly": True},
            {"name": "nginx", "mountPath": "/tmp"},  # noqa: S108 - the container's own
        ],
    }


def _workload(part: Part, tls: TlsPlan | None) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(part),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": _labels(part)},
            "template": {"metadata": {"labels": _labels(part)}, "spec": _pod(part, tls)},
        },
    }


def _pod(part: Part, tls: TlsPlan | None) -> dict[str, Any]:
    reads_only = part.service in {"edge", "origin"}
    mounts: list[dict[str, Any]] = [{"name": "data", "mountPath": DATA_DIR, "readOnly": reads_only}]
    volumes: list[dict[str, Any]] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    if part.service == "edge":
        region = part.name.removeprefix("edge-")
        mounts.append({"name": "disk", "mountPath": f"{DATA_DIR}/edge-{region}"})
        volumes.append({"name": "disk", "emptyDir": {}})
    mounts.append({"name": "scratch", "mountPath": "/tmp"})  # noqa: S108 - the pod's own
    volumes.append({"name": "scratch", "emptyDir": {}})
    containers = [_container(part, mounts)]
    if tls:
        containers.append(_tls_container(tls))
        volumes += [
            {"name": "tls", "configMap": {"name": f"{part.name}-tls"}},
            {"name": "shown", "secret": {"secretName": "bijou-tls"}},
            {"name": "nginx", "emptyDir": {}},
        ]
    return {
        "terminationGracePeriodSeconds": part.stops_within_s,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": _USER, "fsGroup": _USER},
        "containers": containers,
        "volumes": volumes,
    }


def _container(part: Part, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/healthz", "port": "http"}}
    memory = f"{-(-part.memory_bytes // 1024**2)}Mi"
    return {
        "name": part.service,
        "image": IMAGE,
        "args": [part.service],
        "env": [{"name": name, "value": value} for name, value in part.environment.items()],
        "envFrom": [{"secretRef": {"name": "bijou", "optional": True}}],
        "ports": [{"name": "http", "containerPort": part.port}],
        "startupProbe": probe | {"periodSeconds": 2, "failureThreshold": 30},
        "readinessProbe": probe | {"periodSeconds": 2, "failureThreshold": 2},
        "livenessProbe": probe | {"periodSeconds": 10, "failureThreshold": 3},
        "resources": {
            "requests": {"cpu": str(part.cores / 2), "memory": memory},
            "limits": {"memory": memory},
        },
        "securityContext": _CONFINED,
        "volumeMounts": mounts,
    }


def _budget(part: Part) -> list[dict[str, Any]]:
    if part.service != "edge":
        return []
    return [
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": _meta(part),
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _labels(part)}},
        }
    ]
