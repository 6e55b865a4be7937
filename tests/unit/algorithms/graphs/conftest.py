from typing import Any

import pytest


@pytest.fixture(params=[False, True], ids=["numpy", "numba"])
def native(request: Any) -> bool:
    """Each form of a loop over arrays; the compiled one where numba is installed."""
    if request.param:
        pytest.importorskip("numba")
    return bool(request.param)
