"""The whole product, or its edges alone, as files of what runs it elsewhere: from one configuration.

Nothing here reads the machine: files come from settings only, so what is
committed can be made again and compared.
"""

from collections.abc import Callable
from typing import Final

from bijou.app.deployment.compose import compose_files
from bijou.app.deployment.edges import nginx_files, varnish_files
from bijou.app.deployment.kubernetes import kubernetes_files
from bijou.app.deployment.systemd import systemd_files
from bijou.app.settings import Settings

KINDS: Final[dict[str, Callable[[Settings], dict[str, str]]]] = {
    "compose": compose_files,
    "kubernetes": kubernetes_files,
    "nginx": nginx_files,
    "systemd": systemd_files,
    "varnish": varnish_files,
}
"""By name: returns the text of each file by its path."""

__all__ = ["KINDS"]
