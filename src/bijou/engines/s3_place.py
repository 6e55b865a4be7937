"""Where an S3 store is, and the key to it: what an operator writes down."""

import os
import re
import stat
from pathlib import Path
from typing import Final

import msgspec

from bijou.engines.blob_keys import parts_of
from bijou.ports import InvalidRequest

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ENDPOINT: Final = re.compile(r"https?://[^/?#\s@]+/?")
_LONGEST_PREFIX: Final = 400  # S3's keys have at most 1,024 bytes, ours 512, and ours are put behind it
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class S3Place(msgspec.Struct, frozen=True):
    """A bucket, and the part of it that is ours.

    Args:
        bucket: Its name.
        prefix: What all our keys begin with there, without a slash at its end.
        endpoint: Address of the store; empty: Amazon's for the region.
        region: Region that requests are signed for; empty: `AWS_REGION`, else us-east-1.
    """

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""

    @classmethod
    def parse(cls, address: str, *, endpoint: str = "", region: str = "") -> "S3Place":
        """Read `s3://bucket/prefix`.

        Raises:
            InvalidRequest: `blobs.bad_address`.

        Example:
            >>> place = S3Place.parse("s3://films/house/east")
            >>> place.bucket, place.prefix, str(place)
            ('films', 'house/east', 's3://films/house/east')
        """
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        prefix = prefix.removesuffix("/")
        if not address.startswith("s3://") or not _BUCKET.fullmatch(bucket) or not _fits(prefix):
            raise InvalidRequest(
                "blobs.bad_address",
                f"{address!r} is no place for blobs; one is s3://bucket/prefix, the bucket 3 to 63 of "
                f"a-z 0-9 . -, the prefix like a key and at most {_LONGEST_PREFIX} characters, or left out",
            )
        if endpoint and not _ENDPOINT.fullmatch(endpoint):
            raise InvalidRequest(
                "blobs.bad_address",
                f"{endpoint.rpartition('@')[2]!r} is no endpoint; one is http(s)://host:port, "
                "without a path or a key in it",
            )
        return cls(bucket=bucket, prefix=prefix, endpoint=endpoint.removesuffix("/"), region=region)

    def __str__(self) -> str:
        address = f"s3://{self.bucket}/{self.prefix}".removesuffix("/")
        return f"{address} at {self.endpoint}" if self.endpoint else address


class S3Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What signs requests; shows itself to nobody.

    Example:
        >>> S3Key(access_key_id="AKIA1", secret_access_key="hunter2")
        S3Key(hidden)
    """

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    @classmethod
    def load(cls, path: Path) -> "S3Key":
        """Read a TOML file with these names, which nobody but its owner may read.

        Raises:
            InvalidRequest: `blobs.bad_key_file`.
        """
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read()
        except OSError as error:
            raise InvalidRequest("blobs.bad_key_file", f"{path}: {error.strerror}") from error
        if mode & _OTHERS:
            raise InvalidRequest(
                "blobs.bad_key_file",
                f"{path} has mode {stat.S_IMODE(mode):04o}; a key is its owner's alone: chmod 600 {path}",
            )
        try:
            return msgspec.toml.decode(content, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            pass  # the decoder's words may quote the secret
        raise InvalidRequest(
            "blobs.bad_key_file",
            f"{path} is no key; one is TOML with access_key_id, secret_access_key and perhaps session_token",
        )

    def __repr__(self) -> str:
        return "S3Key(hidden)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("hidden", "")]


def _fits(prefix: str) -> bool:
    if not prefix:
        return True
    try:
        parts_of(prefix)
    except InvalidRequest:
        return False
    return len(prefix) <= _LONGEST_PREFIX
