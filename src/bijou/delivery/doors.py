"""Which door of a server a request knocks at; origin and edge have the same."""

from collections.abc import Callable

from msgspec import structs

from bijou.delivery.answers import Answer, json_answer, nothing, preflight, problem_answer
from bijou.delivery.gate import Gate
from bijou.delivery.model import ALLOWED_PATH, HEALTH_PATH, is_media_path
from bijou.delivery.tokens import TokenRefused
from bijou.delivery.wire import Request
from bijou.ports import Instant, NotFound

ANY_PATH = "*"


def answer_at_door(
    request: Request, path: str, health: Callable[[], object], now: Instant, gate: Gate | None = None
) -> Answer | None:
    """Answer whatever is not a GET or HEAD of media; None where it is one.

    Args:
        path: Without a token.
        health: Tells what `/healthz` answers.
        gate: Checks tokens for caches that cannot; None: whoever asks is told yes.
    """
    if path.startswith(ALLOWED_PATH) and request.method != "OPTIONS":
        return _allowed(request, path, now, gate)
    media = is_media_path(path)
    if not media and path not in {HEALTH_PATH, ANY_PATH}:
        nowhere = NotFound("delivery.no_address", f"nothing answers at {path[:200]}; media lie under /media/")
        return problem_answer(nowhere.problem(), request.method, now)
    if request.method == "OPTIONS":
        return preflight(now)
    return None if media else json_answer(health(), request.method, now)


def _allowed(request: Request, path: str, now: Instant, gate: Gate | None) -> Answer:
    """Tell a cache of another make whether its client may have what it asks for."""
    try:
        if gate is not None:
            gate.enter(structs.replace(request, path=path.removeprefix(ALLOWED_PATH)))
    except TokenRefused as refused:
        return problem_answer(refused.problem(), request.method, now)
    return nothing(now)
