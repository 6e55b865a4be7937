import ast
import inspect
import subprocess
import sys
from importlib import import_module

import pytest

import bijou.algorithms as door


def test_every_name_comes_from_the_room_that_the_types_say() -> None:
    for node in ast.walk(ast.parse(inspect.getsource(door))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bijou."):
            for alias in node.names:
                assert getattr(door, alias.name) is getattr(import_module(node.module), alias.name)
                assert alias.name in door.__all__
    assert all(callable(getattr(door, name)) for name in door.__all__)


def test_taking_one_structure_loads_no_other_room() -> None:
    program = (
        "import sys; from bijou.algorithms import SlidingWindowLog;"
        "print(sorted(m for m in sys.modules if m.startswith('bijou.algorithms.')), 'numpy' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "bijou.algorithms.limits" in said
    assert "caches" not in said
    assert said.rstrip().endswith("False")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'LinkedHashMap'"):
        door.LinkedHashMap  # noqa: B018 - the look-up is the test
