import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta, Struct

from bijou.app.settings import Settings
from bijou.ports import InvalidRequest
from bijou.runtime.settings import environ_of, load, manual, settings_of


class Cache(Struct, frozen=True):
    port: Annotated[int, Meta(ge=0, le=65535, description="Port.")] = 1
    open: Annotated[bool, Meta(description="Whether open.")] = False
    names: Annotated[list[str], Meta(description="Names.")] = msgspec.field(default_factory=list)
    idle_s: Annotated[float, Meta(gt=0, description="Seconds.")] = 1.5


class Schema(Struct, frozen=True):
    cache: Cache = Cache()


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "it.toml"
    file.write_text("[cache]\nport = 2\nidle_s = 9.0\n")
    environ = {"BIJOU_CACHE_PORT": "3", "BIJOU_CACHE_OPEN": "yes"}

    loaded = load(Schema, file=file, environ=environ, flags={"--cache-port": "4"}).cache

    assert (loaded.port, loaded.open, loaded.idle_s, loaded.names) == (4, True, 9.0, [])


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"BIJOU_CACHE_PORT": "many"}, "BIJOU_CACHE_PORT = 'many'"),
        ({"BIJOU_CACHE_PORT": "70000"}, "65535"),
        ({"BIJOU_CACHE_IDLE_S": "-1"}, "BIJOU_CACHE_IDLE_S = '-1'"),
        ({"BIJOU_CACHE_OPEN": "perhaps"}, "BIJOU_CACHE_OPEN = 'perhaps'"),
    ],
)
def test_a_bad_value_says_where_it_was_set_and_the_rule(environ: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        load(Schema, environ=environ)

    assert caught.value.code == "settings.bad_value"
    assert says in caught.value.detail


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("[cache]\nprot = 2\n", "settings.unknown", "[cache] prot"),
        ("port = 2\n", "settings.unknown", "port stands outside any [section]"),
        ("[cache\n", "settings.unreadable", "line 1"),
        ("[cache]\nport = '2x'\n", "settings.bad_value", "it.toml: [cache] port = '2x'"),
    ],
)
def test_a_bad_file_is_named_with_its_place(tmp_path: Path, text: str, code: str, says: str) -> None:
    file = tmp_path / "it.toml"
    file.write_text(text)

    with pytest.raises(InvalidRequest) as caught:
        load(Schema, file=file)

    assert caught.value.code == code
    assert says in caught.value.detail


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"nowhere\.toml"):
        load(Schema, file=tmp_path / "nowhere.toml")


def test_the_manual_is_a_file_that_loads_to_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "bijou.toml"
    file.write_text(manual(Settings))

    assert load(Settings, file=file) == Settings()


def test_every_setting_stands_in_the_manual_with_its_three_names() -> None:
    text = manual(Settings)
    document = tomllib.loads(text)

    for setting in settings_of(Settings):
        assert setting.name in document[setting.section]
        assert setting.env in text
        assert setting.flag in text


def test_settings_travel_to_a_child_by_its_environment() -> None:
    given = Schema(Cache(port=7, open=True, names=["a", "b"], idle_s=0.25))

    assert load(Schema, environ=environ_of(Schema, given)) == given
