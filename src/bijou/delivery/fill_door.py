"""Where services tell an edge to fill, and ask how far it is: `/fill` and what it was asked for."""

from collections.abc import Awaitable, Callable

import msgspec

from bijou.delivery.answers import Answer, json_answer, problem_answer
from bijou.delivery.fill_orders import FILL_PATH, HISTORY_PATH, FillWish
from bijou.delivery.fill_planning import FillPlanning
from bijou.delivery.model import BodyCut
from bijou.delivery.sealed import Seals
from bijou.delivery.tally import Tally
from bijou.delivery.wire import Request
from bijou.ports import BijouBug, BijouError, Clock, EngineUnavailable, InvalidRequest
from bijou.runtime import codec
from bijou.runtime.logs import get_logger

_log = get_logger()


class FillDoor:
    """Answers calls that show a seal of this installation, and no others."""

    def __init__(self, planning: FillPlanning, seals: Seals, clock: Clock, tally: Tally) -> None:
        self._planning = planning
        self._seals = seals
        self._clock = clock
        self._tally = tally

    @property
    def doors(self) -> dict[str, Callable[[Request], Awaitable[Answer]]]:
        """The addresses that are answered here."""
        return {FILL_PATH: self.answer, HISTORY_PATH: self.answer}

    async def answer(self, request: Request) -> Answer:
        """Answer a call; refuse what shows no seal."""
        try:
            self._seals.check(request)
            return json_answer(await self._told(request), request.method, self._clock.now())
        except BodyCut:
            cut = EngineUnavailable(
                "delivery.no_stock", "the origin cut its answer; try again", retry_after_s=5
            )
            problem = cut.problem()
        except BijouError as error:
            if error.status < 500:
                self._tally.refused_by[error.code] += 1
            problem = error.problem()
        except Exception:  # noqa: BLE001 - the last one who can answer
            _log.exception("fill.call_crashed", path=request.path)
            bug = BijouBug("delivery.fault", "something broke on our side; it has been written to the log")
            problem = bug.problem()
        return problem_answer(problem, request.method, self._clock.now())

    async def _told(self, request: Request) -> object:
        if request.path == HISTORY_PATH:
            return self._planning.ledger.image()
        if request.method == "GET":
            return self._planning.standing()
        try:
            wish = codec.decode(request.body, FillWish)
        except msgspec.MsgspecError as error:
            raise InvalidRequest("delivery.bad_fill", f"that is no order to fill: {error}") from error
        if not 0 <= wish.for_s <= 7 * 86_400 or not 0 <= wish.rate_bps <= 10**12:
            rule = "for_s is at most a week, rate_bps at most 1 Tb/s, none is below 0"
            raise InvalidRequest("delivery.bad_fill", f"for_s {wish.for_s}, rate_bps {wish.rate_bps}; {rule}")
        return await self._planning.plan(wish)
