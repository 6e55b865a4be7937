"""The whole service under one supervisor, from first start to the last signal."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from random import SystemRandom

import click

from bijou.app.demo import SampleTitles
from bijou.app.fleet import edges_of, fleet
from bijou.app.keys import Keys, keys_folder, keys_of
from bijou.app.settings import Settings
from bijou.app.status import ServiceStatus, clear_status, write_status
from bijou.ports import SystemClock
from bijou.runtime import logs
from bijou.runtime.lockfile import hold
from bijou.runtime.supervisor import ChildStatus, Supervisor

READY_WITHIN_S = 60.0


def serve_all(settings: Settings, *, samples: bool) -> int:
    """Run every process of the installation until SIGTERM or Ctrl-C; return the exit status.

    Args:
        samples: Whether to make and publish the sample titles that are missing.

    Raises:
        Conflict: `runtime.data_dir_held`, the data folder is in use.
        EngineUnavailable: a service cannot run; the text has its last words.
    """
    clock = SystemClock()
    logs.configure("supervisor", clock=clock, level="warning")
    data_dir = Path(settings.house.data_dir)
    with hold(data_dir):
        try:
            asyncio.run(_Evening(settings, data_dir, clock).run(samples=samples))
        finally:
            clear_status(data_dir)
    return 0


class _Evening:
    """One run of the installation."""

    def __init__(self, settings: Settings, data_dir: Path, clock: SystemClock) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._clock = clock
        self._began_ns = clock.monotonic_ns()
        self._chance = SystemRandom()

    async def run(self, *, samples: bool) -> None:
        keys = keys_of(self._settings, self._chance)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        supervisor = Supervisor(
            fleet(self._settings),
            clock=self._clock,
            chance=self._chance,
            logs_dir=self._data_dir / "logs",
            on_change=self._note,
        )
        opening = asyncio.create_task(self._open(supervisor, keys, samples=samples))
        opening.add_done_callback(lambda task: stop.set() if _failed(task) else None)
        try:
            await supervisor.run(stop)
        finally:
            opening.cancel()
            await asyncio.wait({opening})
        if _failed(opening):
            opening.result()

    async def _open(self, supervisor: Supervisor, keys: Keys, *, samples: bool) -> None:
        titles = SampleTitles(self._settings, self._data_dir, self._clock) if samples else None
        first = asyncio.create_task(titles.prepare_first()) if titles else None
        try:
            await supervisor.wait_ready(READY_WITHIN_S)
            if titles and first:
                await titles.begin(first)
            self._announce(keys)
            if titles:
                await titles.finish()
        finally:
            if first:
                first.cancel()

    def _announce(self, keys: Keys) -> None:
        settings = self._settings
        site = site_address(settings)
        took_s = (self._clock.monotonic_ns() - self._began_ns) / 1e9
        edges = " · ".join(f"{region} {address}" for region, address in edges_of(settings))
        password = keys_folder(settings) / "operator.password"
        shown = "as configured" if settings.accounts.operator_password else keys.operator_password
        lines = [
            ("ready", f"{click.style(site, bold=True)}   ({took_s:.1f} s)"),
            ("operator", f"{settings.accounts.operator_name}   password {shown}   console {site}/console/"),
            ("edges", edges),
            ("data", f"{self._data_dir}/   (the password is kept in {password})"),
            ("next", f"open {site}, or in a second terminal: ./run upload FILE"),
        ]
        for word, facts in lines:
            click.echo(f"{click.style(f'{word:<9}', fg='yellow')} {facts}")
        sys.stdout.flush()

    def _note(self, children: list[ChildStatus]) -> None:
        services = [
            ServiceStatus(
                name=child.name,
                healthy=child.healthy,
                address=child.address,
                since_at=child.since_at,
                restarts=child.restarts,
            )
            for child in children
        ]
        with contextlib.suppress(OSError):  # a full disk must not end the supervisor
            write_status(self._data_dir, services)


def _failed(task: "asyncio.Task[None]") -> bool:
    return not task.cancelled() and task.exception() is not None


def site_address(settings: Settings) -> str:
    """Return the address under which people reach the site."""
    control = settings.control
    return (control.public_url or f"http://{control.host}:{control.port}").rstrip("/")
