"""The installation as services of systemd, one unit each, on one machine or several."""

from typing import Final

import msgspec

from bijou.app.deployment.parts import DATA_DIR, WRITTEN, Part, parts_of
from bijou.app.deployment.tls import TLS, fronts_of, on_one_machine
from bijou.app.settings import Settings
from bijou.delivery.configs import Front

_TARGET: Final = """\
[Unit]
Description=bijou, a video streaming service
Wants={wanted}

[Install]
WantedBy=multi-user.target
"""
_UNIT: Final = """\
[Unit]
Description=bijou {name}
PartOf=bijou.target
After=network-online.target{after}
Wants=network-online.target

[Service]
Type=exec
User=bijou
Group=bijou
StateDirectory=bijou
StateDirectoryMode=0700
WorkingDirectory={data_dir}
EnvironmentFile=-/etc/bijou/{name}.env
{environment}
ExecStart=/opt/bijou/bin/python -m bijou run {service}
Restart=always
RestartSec=1
TimeoutStopSec={stops_s}
KillMode=mixed
LimitNOFILE=65536
MemoryMax={memory}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictRealtime=yes
LockPersonality=yes
CapabilityBoundingSet=
UMask=0077

[Install]
WantedBy=bijou.target
"""


_TLS_UNIT: Final = """\
[Unit]
Description=bijou tls, which is nginx
PartOf=bijou.target
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
User=bijou
Group=bijou
RuntimeDirectory=bijou-tls
ExecStart=/usr/sbin/nginx -c /etc/bijou/tls.conf
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=1
KillMode=mixed
LimitNOFILE=65536
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictRealtime=yes
LockPersonality=yes
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
AmbientCapabilities=CAP_NET_BIND_SERVICE
UMask=0077

[Install]
WantedBy=bijou.target
"""


def systemd_files(settings: Settings) -> dict[str, str]:
    """Return a unit for each service, and a target for all.

    Installed in /opt/bijou, its data in /var/lib/bijou; what stands in
    /etc/bijou/NAME.env wins over what the unit says. Where an address is
    https://, nginx speaks TLS with what `bijou deploy nginx` writes as tls.conf,
    kept as /etc/bijou/tls.conf; told to reload, it takes a new certificate.
    """
    behind = on_one_machine(settings)
    fronts = fronts_of(settings, behind) if settings.tls.certificate else {}
    parts = [_hidden(part, fronts[part.name]) if part.name in fronts else part for part in parts_of(settings)]
    written = WRITTEN.format(kind="systemd")
    units = {f"systemd/bijou-{part.name}.service": written + _unit(part) for part in parts}
    if fronts:
        units[f"systemd/bijou-{TLS}.service"] = written + _TLS_UNIT
    names = " ".join(path.removeprefix("systemd/") for path in units)
    return {"systemd/bijou.target": written + _TARGET.format(wanted=names)} | units


def _hidden(part: Part, front: Front) -> Part:
    """Return the part as it listens where only nginx reaches it."""
    host, _, port = front.behind.rpartition(":")
    section = f"BIJOU_{part.service.upper()}"
    own = {f"{section}_HOST": host.strip("[]"), f"{section}_PORT": port}
    return msgspec.structs.replace(part, environment=part.environment | own)


def _unit(part: Part) -> str:
    environment = "\n".join(
        f'Environment="{name}={_escaped(_on_one_machine(value))}"' for name, value in part.environment.items()
    )
    return _UNIT.format(
        name=part.name,
        after="".join(f" bijou-{need}.service" for need in part.needs),
        data_dir=DATA_DIR,
        environment=environment,
        service=part.service,
        stops_s=part.stops_within_s,
        memory=part.memory_bytes,
    )


def _on_one_machine(value: str) -> str:
    """Turn the name that containers have for the origin into this machine."""
    return value.replace("http://origin:", "http://127.0.0.1:")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
