"""The whole service under one supervisor, from first start to the last signal."""

import asyncio
import contextlib
import os
from pathlib import Path
from random import SystemRandom

import click

from bijou.app.addresses import flags_to_find, site_address
from bijou.app.demo import SampleTitles
from bijou.app.fleet import check_addresses, fleet
from bijou.app.keys import Keys, keys_folder, keys_of, token_keys
from bijou.app.rules import edges_of
from bijou.app.settings import Settings
from bijou.app.status import ServiceStatus, clear_status, write_status
from bijou.ports import SystemClock
from bijou.runtime import invocation, lifecycle, logs
from bijou.runtime.lockfile import hold
from bijou.runtime.supervisor import ChildStatus, Supervisor

READY_WITHIN_S = 60.0


def serve_all(settings: Settings, *, samples: bool) -> int:
    """Run every process of the installation until SIGTERM or Ctrl-C; return the exit status.

    Args:
        samples: Whether to make and publish the sample titles that are missing.

    Raises:
        Conflict: `runtime.data_dir_held`, the data folder is in use.
        EngineUnavailable: `runtime.addresses`, some cannot be had; or a service
            cannot run, and the text has its last words.
    """
    clock = SystemClock()
    os.umask(0o077)
    lifecycle.open_files()
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
        token_keys(self._settings, self._clock, self._chance)  # drawn before several processes do
        stop = asyncio.Event()
        for number in lifecycle.stopping():
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        children = fleet(self._settings)
        await check_addresses(children, self._clock)
        supervisor = Supervisor(
            children,
            clock=self._clock,
            chance=self._chance,
            logs_dir=self._data_dir / "logs",
            on_change=self._note,
        )
        titles = SampleTitles(self._settings, self._data_dir, self._clock, stop) if samples else None
        opening = asyncio.create_task(self._open(supervisor, keys, titles))
        opening.add_done_callback(lambda task: stop.set() if _failed(task) else None)
        try:
            await supervisor.run(stop)
        finally:
            opening.cancel()
            await asyncio.wait({opening})
        if _failed(opening):
            opening.result()

    async def _open(self, supervisor: Supervisor, keys: Keys, titles: SampleTitles | None) -> None:
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
        configured = bool(settings.accounts.operator_password)
        shown = "as configured" if configured else keys.operator_password
        kept = "" if configured else f"   (the password is kept in {keys_folder(settings)}/operator.password)"
        upload = invocation.command(f"upload FILE{flags_to_find(settings)}")
        lines = [
            ("ready", f"{click.style(site, bold=True)}   ({took_s:.1f} s)"),
            ("operator", f"{settings.accounts.operator_name}   password {shown}   console {site}/console/"),
            ("edges", edges),
            ("data", f"{self._data_dir}/{kept}"),
            ("next", f"open {site}, or in a second terminal: {upload}"),
        ]
        for word, facts in lines:
            click.echo(f"{click.style(f'{word:<9}', fg='yellow')} {facts}")

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
