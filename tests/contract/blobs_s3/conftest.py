import hashlib

import pytest

from tests.contract.blobs_s3.emulator import Emulator, emulator


@pytest.fixture(scope="session")
def store() -> Emulator:
    return emulator()


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A part of the bucket that no other test uses."""
    return f"p/{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}"
