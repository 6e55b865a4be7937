"""A batch's way from this machine to a bijou: bytes out, then how far it is, then its report."""

from pathlib import Path
from random import SystemRandom

from bijou.app.addresses import own_server
from bijou.app.audience_clients import AudienceClients, audience_clients
from bijou.app.clients import connected
from bijou.app.settings import Settings
from bijou.audience import BatchReport, BatchState, NewBatch, Phase
from bijou.audience.api import Forgotten
from bijou.cli.resuming import Sender
from bijou.cli.sending import bar, patiently, token_for
from bijou.cli.terminal import step
from bijou.ports import BijouBug, BijouError, Clock, SystemClock

_ASK_EVERY_S = 0.3
_OVER = frozenset({Phase.DONE, Phase.REFUSED})


async def send(new: NewBatch, file: Path, *, server: str, settings: Settings) -> BatchReport:
    """Have a batch brought in by a server, and wait until it is.

    Killed, or left by the server for too long, the same command goes on where it was.

    Raises:
        BijouError: why it was refused; EngineUnavailable: the server does not answer.
    """
    clock = SystemClock()
    async with connected(server, token_for(server, settings)) as installation:
        clients = audience_clients(installation.wire)
        state = await patiently(lambda: clients.batches.order(new), clock)
        if state.phase is Phase.RECEIVING:
            receiving = state.upload
            upload = await patiently(lambda: clients.files.upload(receiving), clock)
            if upload.offset_bytes:
                step("resume", f"{file.name} at {upload.offset_bytes / upload.size_bytes:.0%}")
            with bar("upload", upload.size_bytes) as advance:
                await Sender(clients.files, file, clock, SystemRandom(), advance).deliver(upload)
        state = await _over(clients, state, clock)
    if state.problem is not None:
        raise BijouError.from_problem(state.problem)
    if state.report is None:
        raise BijouBug("audience.no_reason", f"batch {new.id} came to nothing, and nobody said why")
    return state.report


async def forget(user: str, *, settings: Settings) -> Forgotten:
    """Have a person deleted by the server that runs on this data folder."""
    server = own_server(settings)
    async with connected(server, token_for(server, settings)) as installation:
        return await audience_clients(installation.wire).batches.forget(user)


async def _over(clients: AudienceClients, state: BatchState, clock: Clock) -> BatchState:
    with bar("rows", 1000) as advance:
        shown, batch_id = 0, state.id
        while state.phase not in _OVER:
            await clock.sleep(_ASK_EVERY_S)
            state = await patiently(lambda: clients.batches.batch(batch_id), clock)
            now = round(1000 * state.rows / state.rows_of) if state.rows_of else 0
            advance(now - shown)
            shown = now
    return state
