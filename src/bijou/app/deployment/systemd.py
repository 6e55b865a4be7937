"""The installation as services of systemd, one unit each, on one machine or several."""

from typing import Final

from bijou.app.deployment.parts import DATA_DIR, WRITTEN, Part, parts_of
from bijou.app.settings import Settings

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


def systemd_files(settings: Settings) -> dict[str, str]:
    """Return a unit for each service, and a target for all.

    Installed in /opt/bijou, its data in /var/lib/bijou; what stands in
    /etc/bijou/NAME.env wins over what the unit says.
    """
    parts = parts_of(settings)
    names = " ".join(f"bijou-{part.name}.service" for part in parts)
    written = WRITTEN.format(kind="systemd")
    units = {f"systemd/bijou-{part.name}.service": written + _unit(part) for part in parts}
    return {"systemd/bijou.target": written + _TARGET.format(wanted=names)} | units


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
