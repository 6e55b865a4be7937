"""Steering alone, for edges that cannot answer it themselves."""

import bijou
from bijou.delivery.answers import Answer, problem_answer, refusal_answer
from bijou.delivery.api import SteeringHealth
from bijou.delivery.doors import answer_at_door
from bijou.delivery.steering import Steerer
from bijou.delivery.tally import Tally
from bijou.delivery.wire import Refusal, Request
from bijou.ports import Clock, NotFound


class SteeringSite:
    """Answers players who ask which pathway to use, and nothing else but its health."""

    def __init__(self, steerer: Steerer, clock: Clock) -> None:
        self.tally = Tally()
        self._steerer = steerer
        self._clock = clock

    def at_once(self, request: Request) -> Answer:
        """Answer; nothing here waits for anything."""
        answer = self._steerer.answer(request)
        if answer is None:
            answer = answer_at_door(request, request.path, self.health, self._clock.now())
        return answer if answer is not None else self._nowhere(request)

    def ready(self, asked: bytes, _now_ns: int) -> bytes | None:
        """Return the answer to what a session asks again, and count it."""
        answer = self._steerer.ready(asked)
        if answer is None:
            return None
        self.tally.count(answer, answer.size_bytes)
        return answer.whole()

    async def later(self, request: Request) -> Answer:
        """Answer what `at_once` did not, which is nothing."""
        return self._nowhere(request)

    def refused(self, refusal: Refusal) -> Answer:
        """Answer bytes that are no request."""
        self.tally.refused_by[refusal.code] += 1
        return refusal_answer(refusal, self._clock.now())

    def health(self) -> SteeringHealth:
        """Return what `/healthz` answers."""
        steerer = self._steerer
        return SteeringHealth(
            "steering",
            bijou.__version__,
            healthy=True,
            pathways=steerer.pathways.status(),
            steering=steerer.statistics(),
        )

    def _nowhere(self, request: Request) -> Answer:
        nowhere = NotFound(
            "delivery.no_address", f"nothing answers at {request.path[:200]}; no media are here"
        )
        return problem_answer(nowhere.problem(), request.method, self._clock.now())
