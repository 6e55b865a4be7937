"""The installation as objects of Kubernetes."""

from typing import Any, Final

from bijou.app.deployment.parts import DATA_DIR, IMAGE, WRITTEN, Part, parts_of
from bijou.app.deployment.yaml_text import yaml_text
from bijou.app.settings import Settings

_USER: Final = 10001


def kubernetes_files(settings: Settings) -> dict[str, str]:
    """Return one file of objects for each service, and one of what they share.

    Control keeps its records in SQLite: one replica, replaced and never doubled.
    An edge that is told to stop ends its answers first. What is secret stands
    in a Secret named bijou, if anything does.
    """
    parts = parts_of(settings)
    files = {"kubernetes/data.yaml": [_claim("data", "ReadWriteMany", "500Gi")]}
    for part in parts:
        files[f"kubernetes/{part.name}.yaml"] = [_service(part), _workload(part), *_budget(part)]
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


def _service(part: Part) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(part),
        "spec": {
            "type": "LoadBalancer" if part.public else "ClusterIP",
            "selector": _labels(part),
            "ports": [{"name": "http", "port": part.port, "targetPort": "http"}],
        },
    }


def _workload(part: Part) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(part),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": _labels(part)},
            "template": {"metadata": {"labels": _labels(part)}, "spec": _pod(part)},
        },
    }


def _pod(part: Part) -> dict[str, Any]:
    reads_only = part.service in {"edge", "origin"}
    mounts: list[dict[str, Any]] = [{"name": "data", "mountPath": DATA_DIR, "readOnly": reads_only}]
    volumes: list[dict[str, Any]] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    if part.service == "edge":
        region = part.name.removeprefix("edge-")
        mounts.append({"name": "disk", "mountPath": f"{DATA_DIR}/edge-{region}"})
        volumes.append({"name": "disk", "emptyDir": {}})
    mounts.append({"name": "scratch", "mountPath": "/tmp"})  # noqa: S108 - the pod's own
    volumes.append({"name": "scratch", "emptyDir": {}})
    return {
        "terminationGracePeriodSeconds": part.stops_within_s,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": _USER, "fsGroup": _USER},
        "containers": [_container(part, mounts)],
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
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
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
