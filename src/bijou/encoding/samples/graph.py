"""The few phrases of ffmpeg's filter language that the sample films share.

What does not move is computed for one frame and held, because `geq` costs
about a microsecond a pixel; what moves is scrolled, displaced or merged.
"""

FRAME_RATE = 24
SEED = "@seed"
HOLD = "setsar=1,loop=-1:1"
# Copies one grey plane three times; `format=gbrp` would do it at four times the cost.
GREY_AS_RGB = "mergeplanes=0x000000:gbrp"
YUV = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
YUVA = "scale=out_color_matrix=bt709:out_range=tv,format=yuva420p"


def graph(text: str) -> str:
    """Return a filter graph on one line, without indentation and `#` comments."""
    lines = (line.strip() for line in text.splitlines())
    return "".join(line for line in lines if not line.startswith("#"))


def still(size: str, luma: str) -> str:
    """One grey frame by formula; hold it with `HOLD`.

    Args:
        size: Such as `640x360`.
        luma: 0 to 255, of X, Y, W and H.
    """
    return f"nullsrc=s={size}:r={FRAME_RATE}:d=0.04,format=gray,geq=lum='{luma}'"


def still_rgb(size: str, red: str, green: str, blue: str) -> str:
    """One coloured frame by three formulas."""
    return f"nullsrc=s={size}:r={FRAME_RATE}:d=0.04,format=gbrp,geq=r='{red}':g='{green}':b='{blue}'"


def wash(size: str, red: str, green: str, blue: str) -> str:
    """One frame whose colour depends on the height only, Y/H from 0 at the top."""
    return f"{still_rgb('4x256', red, green, blue)},scale={size.replace('x', ':')}:flags=bilinear,setsar=1"


def plain(colour: str, size: str) -> str:
    """One frame of one colour."""
    return f"color=c={colour}:s={size}:r={FRAME_RATE}:d=0.04,format=gbrp"


def texture(size: str, *, octaves: int, persistence: float, scale: str, seed: str | int) -> str:
    """One frame of Perlin noise, grey.

    Args:
        size: Such as `160x90`.
        octaves: Components, >= 1.
        persistence: Weight of each component against the one before.
        scale: Periods across and down, such as `5x3`.
        seed: A number or `SEED`.
    """
    return moving_texture(size, octaves, persistence, scale, seed) + ",trim=end_frame=1,format=gray"


def moving_texture(
    size: str,
    octaves: int,
    persistence: float,
    scale: str,
    seed: str | int,
    *,
    rate: int = FRAME_RATE,
    pace: float = 1,
) -> str:
    """Perlin noise that changes by `pace` periods a second, at `rate` frames a second."""
    across, down = scale.split("x")
    return (
        f"perlin=s={size}:r={rate}:octaves={octaves}:persistence={persistence}:xscale={across}:yscale={down}"
        f":tscale={pace}:random_mode=seed:seed={seed}"
    )


def grade(red: str, green: str, blue: str, *, when: str = "1") -> str:
    """Map brightness to colour by three curves, without overshoot."""
    return f"curves=interp=pchip:r='{red}':g='{green}':b='{blue}':enable='{when}'"


def hashed(expression: str) -> str:
    """A formula for a number in [0, 1) that looks random and is not."""
    return f"mod(abs(sin(({expression})*12.9898)*43758.5453),1)"


def saw(periods: float, phase: float) -> str:
    """A formula for a zigzag across the width, 0 to 1: what ridges are made of."""
    return f"abs(mod(X/W*{periods}+{phase},2)-1)"
