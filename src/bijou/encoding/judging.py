"""What is refused of a stranger's film, each in one sentence."""

from collections.abc import Iterable
from fractions import Fraction

from bijou.encoding.limits import EncodingLimits
from bijou.encoding.probe_child import AUDIO_CODECS, VIDEO_CODECS, Facts, PictureFacts, SoundFacts
from bijou.ports import InvalidRequest

_SAME_SHAPE = Fraction(1, 50)


def judge(facts: Facts, limits: EncodingLimits) -> PictureFacts:
    """Return the picture stream to encode, or refuse the file.

    Raises:
        InvalidRequest: see `bijou.encoding.inspect`.
    """
    if not facts.pictures:
        raise _no_picture(facts)
    picture = facts.pictures[0]
    _judge_codecs(picture, facts.sounds)
    if not picture.packets:
        raise InvalidRequest("encoding.no_picture", "the file has a picture stream without a single frame")
    _judge_dimensions(picture, limits)
    if not picture.decoded:
        raise InvalidRequest(
            "encoding.undecodable",
            f"the file is damaged: no frame of its {picture.codec} picture can be decoded",
        )
    duration_s = float((picture.last - picture.first) * Fraction(*picture.tick))
    _judge_duration(duration_s, limits)
    return picture


def judge_time(duration_s: float, rate: Fraction, frames: int, limits: EncodingLimits) -> None:
    """Refuse a film that is too long, or whose frames come faster than any screen."""
    _judge_duration(duration_s, limits)
    if frames > 1 and rate > limits.max_frame_rate:
        raise InvalidRequest(
            "encoding.frame_rate",
            f"the film has {float(rate):.6g} frames a second; at most {limits.max_frame_rate:g} are encoded",
        )


def judge_sizes(first: tuple[int, int], later: Iterable[tuple[int, int]]) -> bool:
    """Tell whether a picture's size changes on the way; refuse one that changes its shape.

    A change between sizes of one shape is a change of sharpness, which scaling
    hides; another shape would be stretched.

    Raises:
        InvalidRequest: `encoding.shape_changes`.
    """
    resized = False
    for width, height in later:
        if (width, height) == first:
            continue
        resized = True
        shape = Fraction(*first)
        if abs(Fraction(width, max(height, 1)) - shape) > shape * _SAME_SHAPE:
            raise InvalidRequest(
                "encoding.shape_changes",
                f"the picture is {first[0]}x{first[1]} at first and {width}x{height} later;"
                " a film has one shape throughout",
            )
    return resized


def _judge_duration(duration_s: float, limits: EncodingLimits) -> None:
    if duration_s > limits.max_duration_s:
        raise InvalidRequest(
            "encoding.duration",
            f"the film's frames span {duration_s:.0f} s; at most {limits.max_duration_s:.0f} s are encoded",
        )


def _judge_codecs(picture: PictureFacts, sounds: list[SoundFacts]) -> None:
    for what, codec, known in (
        ("picture", picture.codec, VIDEO_CODECS),
        *(("sound", sound.codec, AUDIO_CODECS) for sound in sounds if sound.packets),
    ):
        if codec not in known:
            raise InvalidRequest(
                "encoding.unsupported_codec",
                f"the {what} is coded as {codec or 'something unknown'}; known are {_names(known)}",
            )


def _judge_dimensions(picture: PictureFacts, limits: EncodingLimits) -> None:
    width, height = picture.width, picture.height
    if min(width, height) < limits.min_side_px or width * height > limits.max_pixels:
        raise InvalidRequest(
            "encoding.dimensions",
            f"the picture is {width}x{height}; each side must have at least {limits.min_side_px} pixels,"
            f" and both together at most {limits.max_pixels}",
        )


def _no_picture(facts: Facts) -> InvalidRequest:
    if facts.sounds:
        return InvalidRequest(
            "encoding.audio_only", "the file is sound without a picture; a film has both, or a picture alone"
        )
    if facts.problem:
        return InvalidRequest(
            "encoding.unreadable",
            "the file begins like a film, but what follows makes no sense; it is damaged",
        )
    return InvalidRequest("encoding.no_picture", "the file holds no moving picture")


def _names(codecs: tuple[str, ...]) -> str:
    return ", ".join(codec for codec in codecs if not codec.startswith("lib") and not codec.endswith("float"))
