"""Real browsers that watch beside the crowd, where Playwright and Chromium are at hand."""

import contextlib
import importlib
import importlib.util
import shutil
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final, Protocol

import msgspec

from bijou.ports import Clock

LOOK_S: Final = 0.5
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
# As little buffer as the crowd, none behind, and the film again when it is over.
_STATE: Final = """(seconds) => {
  const player = window.bijouPlayer, video = document.querySelector("video");
  if (!player || !video) return null;
  const config = player.hls?.config ?? {}, state = player.state(), here = video.currentTime;
  Object.assign(config, { maxBufferLength: seconds, maxMaxBufferLength: seconds, backBufferLength: 0 });
  video.loop = true;
  let ahead = 0;
  for (let at = 0; at < video.buffered.length; at++)
    if (video.buffered.start(at) <= here + 0.1 && video.buffered.end(at) > here)
      ahead = video.buffered.end(at) - here;
  return [state.pathway, state.stalls, here, ahead];
}"""


class Screen(msgspec.Struct, frozen=True):
    """What one browser went through.

    Args:
        buffers: Seconds of buffer over time.
        pathway_before: When the region died.
        left: Whether it left that pathway.
        stalls_after: From then on.
        played_s: For how long its picture moved.
    """

    number: int
    pathway_before: str
    left: bool
    stalls_after: int
    played_s: float
    buffers: list[tuple[float, float]]

    def text(self) -> str:
        """Return it in a line."""
        way = f"by {self.pathway_before or 'nothing'} {'and left it' if self.left else 'and stayed'}"
        return f"browser {self.number}: {way}, {self.stalls_after} stalls, {self.played_s:.0f} s played"


class Screens(Protocol):
    """Browsers that watch a page."""

    async def watch(self, page: str, buffer_s: float, since_s: Callable[[], float]) -> None:
        """Watch until cancelled."""
        ...

    def seen(self, killed_s: float) -> list[Screen]:
        """Return what each went through."""
        ...


class _NoScreens:
    async def watch(self, page: str, buffer_s: float, since_s: Callable[[], float]) -> None:
        """Watch nothing."""

    def seen(self, killed_s: float) -> list[Screen]:  # noqa: ARG002 - the protocol's
        """Return nothing."""
        return []


NO_SCREENS: Final[Screens] = _NoScreens()


def missing_for_browsers() -> str:
    """Return what is missing for real browsers, in one sentence; empty where nothing is."""
    if importlib.util.find_spec("playwright") is None:
        return "no browsers: the package playwright is not installed"
    if chromium() is None:
        return "no browsers: there is no chromium in PATH"
    return ""


def chromium() -> str | None:
    """Return where Chromium is."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class _Look(msgspec.Struct, frozen=True):
    at_s: float
    pathway: str
    stalls: int
    here_s: float
    buffer_s: float


class Chromiums:
    """Windows of one headless Chromium, each a person of its own.

    Threads: one event loop.
    """

    def __init__(self, count: int, clock: Clock) -> None:
        self._clock = clock
        self._looks: list[list[_Look]] = [[] for _ in range(count)]

    async def watch(self, page: str, buffer_s: float, since_s: Callable[[], float]) -> None:
        """Watch until cancelled."""
        driver: Any = importlib.import_module("playwright.async_api").async_playwright()
        async with driver as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium(), args=[*_ARGUMENTS], handle_sigint=False, handle_sigterm=False
            )
            try:
                windows = [await (await browser.new_context()).new_page() for _ in self._looks]
                for window in windows:
                    await window.goto(page.replace("/t/", "/watch/"))
                while True:
                    for window, looks in zip(windows, self._looks, strict=True):
                        with contextlib.suppress(Exception):  # a page in the middle of something
                            if state := await window.evaluate(_STATE, buffer_s):
                                looks.append(_look(since_s(), state))
                    await self._clock.sleep(LOOK_S)
            finally:
                await browser.close()

    def seen(self, killed_s: float) -> list[Screen]:
        """Return what each went through."""
        return [_screen(number + 1, looks, killed_s) for number, looks in enumerate(self._looks)]


def _look(at_s: float, state: list[Any]) -> _Look:
    pathway, stalls, here_s, ahead_s = state
    return _Look(round(at_s, 3), str(pathway), int(stalls), float(here_s), float(ahead_s))


def _screen(number: int, looks: list[_Look], killed_s: float) -> Screen:
    before = [look for look in looks if look.at_s <= killed_s]
    after = [look for look in looks if look.at_s > killed_s]
    pathway = before[-1].pathway if before else ""
    return Screen(
        number,
        pathway,
        any(look.pathway != pathway for look in after),
        (after[-1].stalls if after else 0) - (before[-1].stalls if before else 0),
        sum(max(0.0, later.here_s - one.here_s) for one, later in pairwise(looks)),
        [(look.at_s, round(look.buffer_s, 2)) for look in looks],
    )
