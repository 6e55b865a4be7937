"""Which door of a server a request knocks at; origin and edge have the same."""

from collections.abc import Callable

from bijou.delivery.answers import Answer, json_answer, preflight, problem_answer
from bijou.delivery.model import HEALTH_PATH, is_media_path
from bijou.delivery.wire import Request
from bijou.ports import Instant, NotFound

ANY_PATH = "*"


def answer_at_door(request: Request, health: Callable[[], object], now: Instant) -> Answer | None:
    """Answer whatever is not a GET or HEAD of media; None where it is one.

    Args:
        health: Tells what `/healthz` answers.
    """
    path = request.path
    media = is_media_path(path)
    if not media and path not in {HEALTH_PATH, ANY_PATH}:
        nowhere = NotFound("delivery.no_address", f"nothing answers at {path[:200]}; media lie under /media/")
        return problem_answer(nowhere.problem(), request.method, now)
    if request.method == "OPTIONS":
        return preflight(now)
    return None if media else json_answer(health(), request.method, now)
