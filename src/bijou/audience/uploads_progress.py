"""How far a batch is that is being brought in, and what came of it."""

import msgspec

from bijou.audience.batches import Mode, Policy
from bijou.audience.manifest import BatchReport
from bijou.audience.orders import BatchState, Phase
from bijou.ports import Clock, Problem


class Heard(msgspec.Struct, frozen=True):
    """A line of whoever brings a batch in: how far it is, and at the end what came of it."""

    rows: int = 0
    rows_of: int = 0
    rejected: int = 0
    committing: bool = False
    report: BatchReport | None = None
    problem: Problem | None = None


class Progress:
    """What was heard of a batch that is being brought in."""

    def __init__(self, clock: Clock) -> None:
        self.heard = Heard()
        self._clock = clock
        self._first: tuple[int, int] | None = None

    def hear(self, heard: Heard) -> None:
        """Take note of a line."""
        if heard.report is None and heard.problem is None:
            self._first = self._first or (self._clock.monotonic_ns(), heard.rows)
            self.heard = heard
        else:
            self.heard = msgspec.structs.replace(self.heard, report=heard.report, problem=heard.problem)

    def told(self, state: BatchState) -> BatchState:
        """Return a state with how far it is."""
        heard = self.heard
        return msgspec.structs.replace(
            state,
            phase=Phase.COMMITTING if heard.committing else Phase.READING,
            rows=heard.rows,
            rows_of=heard.rows_of,
            rejected=heard.rejected,
            left_s=self._left_s(),
        )

    def _left_s(self) -> float | None:
        """Return how long the rest takes at the pace since this process began with it."""
        if self._first is None or not self.heard.rows_of:
            return None
        began_ns, began_rows = self._first
        read = self.heard.rows - began_rows
        if read <= 0:
            return None
        gone_s = (self._clock.monotonic_ns() - began_ns) / 1e9
        return round(gone_s / read * max(0, self.heard.rows_of - self.heard.rows), 1)


def of_report(report: BatchReport) -> BatchState:
    """Return what is known of a batch that was ordered elsewhere, such as by the command line."""
    state = BatchState(
        report.id,
        Phase.DONE,
        report.id,
        Mode(report.mode),
        Policy.KEEP_GOOD,
        report.event_at,
        report.applied_at,
    )
    return with_report(state, report)


def with_report(state: BatchState, report: BatchReport) -> BatchState:
    """Return a state with what became of the rows."""
    return msgspec.structs.replace(
        state,
        phase=Phase.REFUSED if report.state == "refused" else Phase.DONE,
        rows=report.rows,
        rows_of=report.rows,
        rejected=report.rejected,
        has_rejects=bool(report.rejects),
        report=report,
    )
