"""The parser under atheris: `python -m benchmarks.delivery.fuzzing [seconds]`, where atheris is installed.

Bytes are read whole and in two pieces, which must come to the same; what is
read must be safe to use. The same promises are in tests/unit/delivery/test_fuzz.py,
where hypothesis draws; here coverage leads.
"""

import sys

import atheris

with atheris.instrument_imports(include=["bijou.delivery"]):
    from bijou.delivery import cmcd
    from bijou.delivery.doors import answer_at_door
    from bijou.delivery.gate import Gate
    from bijou.delivery.model import is_media_path
    from bijou.delivery.selection import select_range
    from bijou.delivery.tokens import TokenKey, TokenKeys, TokenRefused
    from bijou.delivery.wire import Refusal, Request, RequestReader
    from bijou.ports import Instant, VirtualClock

GATE = Gate(TokenKeys(lambda: [TokenKey("k1", bytes(32))], VirtualClock()))


def all_of(*pieces: bytes) -> list[Request | Refusal]:
    reader, found = RequestReader(), []
    for piece in pieces:
        reader.feed(piece)
        while len(found) < 50 and (one := reader.next()) is not None:
            found.append(one)
            if isinstance(one, Refusal):
                return found
    return found


def once(data: bytes) -> None:
    cut = data[0] % (len(data) or 1) if data else 0
    whole = all_of(data)
    assert whole == all_of(data[:cut], data[cut:])
    for one in whole:
        if isinstance(one, Refusal):
            assert one.status in {400, 405, 431, 505}
            continue
        assert not {".", ".."} & set(one.path.split("/"))
        assert not set("\r\n\0") & set(one.path)
        assert b"transfer-encoding" not in one.fields
        cmcd.read(one).next_path(one.path)
        select_range(one.fields.get(b"range", b""), 1000)
        try:
            path = GATE.enter(one).path
        except TokenRefused:
            continue
        assert not is_media_path(path) or path.endswith((".jpg", ".jpeg", ".png", ".webp", ".vtt"))
        answer_at_door(one, path, dict, Instant(0))


if __name__ == "__main__":
    seconds = sys.argv[1] if len(sys.argv) > 1 else "60"
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=2048", "-print_final_stats=1"], once)
    atheris.Fuzz()
