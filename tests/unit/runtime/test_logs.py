import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from bijou.ports import Instant, VirtualClock
from bijou.runtime.logs import configure, trace_id

Lines = Callable[[], list[dict[str, Any]]]
NOON = Instant.parse("2026-11-21T12:00:00Z")


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield io.StringIO()
    structlog.reset_defaults()
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def lines(out: io.StringIO) -> Lines:
    configure("edge", clock=VirtualClock(NOON), stream=out, pseudonym_key=b"k")
    return lambda: [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_when_how_bad_who_and_what_then_its_facts(lines: Lines) -> None:
    structlog.get_logger().info("segment.served", bytes=1200, at_edge=NOON, path=None)

    assert [list(line.items()) for line in lines()] == [
        [
            ("at", "2026-11-21T12:00:00.000000Z"),
            ("level", "info"),
            ("service", "edge"),
            ("event", "segment.served"),
            ("bytes", 1200),
            ("at_edge", "2026-11-21T12:00:00.000000Z"),
            ("path", None),
        ]
    ]


def test_a_line_says_which_trace_it_belongs_to(lines: Lines) -> None:
    token = trace_id.set("0af7651916cd43dd8448eb211c80319c")
    structlog.get_logger().info("one")
    trace_id.reset(token)
    structlog.get_logger().info("two")

    assert [line.get("trace_id") for line in lines()] == ["0af7651916cd43dd8448eb211c80319c", None]


def test_an_exception_is_one_line_without_what_looks_like_a_secret(lines: Lines) -> None:
    try:
        int("GET /a?token=abcdef")
    except ValueError:
        structlog.get_logger().exception("fetch.failed", token="abcdef")

    (line,) = lines()
    assert line["level"] == "error"
    assert "ValueError: invalid literal" in line["exception"]
    assert "GET /a?token=[redacted]" in line["exception"]
    assert "abcdef" not in json.dumps(line)


def test_a_fact_cannot_pass_for_part_of_the_frame(lines: Lines) -> None:
    structlog.get_logger().info("child.ended", service="origin", level="high")

    (line,) = lines()
    assert (line["service"], line["service_"], line["level_"]) == ("edge", "origin", "high")


def test_lines_below_the_level_are_not_written(out: io.StringIO) -> None:
    configure("edge", clock=VirtualClock(), stream=out, level="warning")

    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")

    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["loud"]


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'loud' is none of debug, info"):
        configure("edge", clock=VirtualClock(), level="loud")


def test_what_libraries_warn_of_becomes_lines_too(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("uvicorn.error").error("port %s is taken", 8800)

    (line,) = lines()
    assert (line["logger"], line["level"], line["detail"]) == ("uvicorn.error", "error", "port 8800 is taken")


def test_configuring_again_replaces_and_does_not_double(out: io.StringIO) -> None:
    other = io.StringIO()
    configure("edge", clock=VirtualClock(), stream=other)
    configure("origin", clock=VirtualClock(), stream=out)
    logging.getLogger("x").warning("once")

    assert [json.loads(line)["service"] for line in out.getvalue().splitlines()] == ["origin"]
    assert other.getvalue() == ""


@pytest.mark.parametrize("odd", [complex(1, 2), 2**70, {(1, 2): 3}, {1.5, 2.5}, b"\xff"])
def test_a_value_without_json_form_loses_no_line(lines: Lines, odd: object) -> None:
    structlog.get_logger().info("odd", what=odd)

    (line,) = lines()
    assert line["event"] == "odd"
    assert line["what"]


def test_a_level_of_a_librarys_own_is_the_next_lower_of_ours(lines: Lines) -> None:
    logging.getLogger("x").log(35, "notice")

    assert lines()[0]["level"] == "warning"


def test_people_get_the_same_facts_without_colour_where_they_want_none(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    configure("edge", clock=VirtualClock(NOON), stream=out, pretty=True)
    structlog.get_logger().info("segment.served", bytes=7, password="hush")

    line = out.getvalue()
    assert "2026-11-21T12:00:00.000000Z" in line
    assert "segment.served" in line
    assert "bytes=7" in line
    assert "hush" not in line
    assert "\x1b" not in line


def test_importing_logs_loads_nothing_of_coloured_tracebacks() -> None:
    code = "import sys, bijou.runtime.logs; print(sorted({'rich', 'pygments'} & set(sys.modules)))"

    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert answer.stdout.strip() == "[]"
