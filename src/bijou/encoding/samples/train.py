"""The Slow Train: three windows of one journey, from dawn to dusk."""

from bijou.encoding.samples.graph import GREY_AS_RGB, HOLD, grade, graph, hashed, still
from bijou.encoding.samples.sample import Sample
from bijou.encoding.samples.sound import beat, bells, chords, mixed, noise, pad

# Five layers of grey, each a mask that slides over a tone: whole pixels a
# frame, so that nothing trembles. Colour comes last, one palette a window.
_PERIOD = 1280
_SLACK = 48
_CUTS_S = (5, 10)
_DAY = f"between(t,{_CUTS_S[0]},{_CUTS_S[1]}-0.01)"
_DUSK = f"gte(t,{_CUTS_S[1]}-0.01)"

_TURN = f"6.2831853*X/{_PERIOD}"
_MOUNTAINS = (
    f"0.50-0.11*abs(sin({_TURN}*1.5+0.3))-0.05*abs(sin({_TURN}*3.5+1))"
    f"-0.016*abs(sin({_TURN}*8.5))-0.006*sin({_TURN}*31)"
)
_HILLS = f"0.60-0.07*sin({_TURN}*2+1)-0.03*sin({_TURN}*5)-0.008*abs(sin({_TURN}*20.5))"
_WOODS = (
    f"0.70-0.06*sin({_TURN}*3+2.2)-0.02*sin({_TURN}*8+0.4)-0.007*abs(sin({_TURN}*64))-0.004*sin({_TURN}*97)"
)
_MEADOW = f"(0.86-0.035*sin({_TURN}*2+4))"


def _pines(cells: int, salt: int, shortest: int, tallest: int) -> str:
    """One pine a cell: its number, two hashes, its tip, then tiers that widen downward."""
    cell = _PERIOD / cells
    return (
        f"st(0,floor(X/{cell:.4f}));st(1,{hashed(f'ld(0)+{salt}')});st(2,{hashed(f'ld(0)*1.7+{salt + 3}')});"
        f"st(4,Y-{_MEADOW}*360+{shortest}+{tallest - shortest}*ld(1)*ld(1));"
        f"st(5,abs(X-(ld(0)+0.35+0.3*ld(2))*{cell:.4f}));"
        "st(6,if(gt(ld(4),0),clip((0.10*ld(4)+0.17*mod(ld(4),9+4*ld(2))*min(1,ld(4)/26+0.25))-ld(5)+0.6,0,1),0))"
    )


_PINES = (
    f"{_pines(38, 1, 34, 96)};st(7,ld(6));{_pines(61, 9, 18, 58)};max(max(ld(6),ld(7)),(Y/360-{_MEADOW})*300)"
)
_POLES = (
    "st(0,mod(X+160,640)/640);st(1,4*ld(0)*(1-ld(0)));st(2,abs(mod(X+480,640)-320));"
    "max(0.85*max(clip(1.1-abs(Y-84-42*ld(1)),0,1),clip(1.1-abs(Y-98-44*ld(1)),0,1)),"
    "max(lt(ld(2),5)*gt(Y,66),lt(ld(2),24)*(lt(abs(Y-86),3)+lt(abs(Y-100),3))))"
)


def _tone(name: str, upper: int, mist: int) -> str:
    luma = f"lerp({upper},{mist},pow(clip((Y/H-0.4)/0.6,0,1),1.3))"
    return f"{still('4x360', luma)},scale=640:360:flags=bilinear,{HOLD}[{name} tone]"


def _mask(name: str, top: int, rows: int, cover: str, pan: str, *, soften: str = "") -> str:
    """Lines `top` to `top + rows` by formula, nothing above, the last line repeated below."""
    known = top + _SLACK + rows
    strip = still(f"{_PERIOD}x{rows}", f"255*clip({cover.replace('Y', f'(Y+{top})')},0,1)")
    return (
        f"{strip}{soften},pad={_PERIOD}:{known}:0:{top + _SLACK},split[{name} a][{name} b];"
        f"[{name} b]crop={_PERIOD}:1:0:{known - 1},"
        f"scale={_PERIOD}:{360 + 2 * _SLACK - known}:flags=neighbor[{name} c];"
        f"[{name} a][{name} c]vstack,split[{name} d][{name} e];"
        f"[{name} d][{name} e]hstack,{HOLD},{pan}[{name}]"
    )


def _ridge(height: str) -> str:
    return f"(Y/360-({height}))*300"


def _pan(speed: int, *, start: int = 0, day: int = 0, dusk: int = 0) -> str:
    """Slide left by `speed` pixels a frame; lower in the day's and dusk's windows."""
    return f"crop=640:360:x='mod({start}+{speed}*n,{_PERIOD})':y='{_SLACK}-{day}*{_DAY}-{dusk}*{_DUSK}'"


_SUN = "st(0,hypot(X-170,Y-170));min(255,255*clip((46-ld(0))/1.5,0,1)+120*exp(-pow(ld(0)/75,2)))"
_SUN_PATH = (
    f"x='640-if({_DAY},200,if({_DUSK},330,430))'"
    f":y='500-if({_DAY},80,if({_DUSK},138+3*(t-{_CUTS_S[1]}),140-3*t))'"
)
_PALETTES = ",".join(
    (
        grade(
            "0/0.10 0.3/0.45 0.6/0.90 0.85/1 1/1",
            "0/0.06 0.3/0.20 0.6/0.50 0.85/0.80 1/0.95",
            "0/0.16 0.3/0.34 0.6/0.48 0.85/0.62 1/0.82",
            when=f"lt(t,{_CUTS_S[0]}-0.01)",
        ),
        grade(
            "0/0.04 0.35/0.22 0.65/0.62 0.88/0.95 1/1",
            "0/0.13 0.35/0.40 0.65/0.74 0.88/0.93 1/0.98",
            "0/0.14 0.35/0.38 0.65/0.62 0.88/0.74 1/0.86",
            when=_DAY,
        ),
        grade(
            "0/0.03 0.3/0.16 0.55/0.46 0.8/0.92 1/1",
            "0/0.03 0.3/0.13 0.55/0.24 0.8/0.50 1/0.86",
            "0/0.10 0.3/0.32 0.55/0.48 0.8/0.44 1/0.66",
            when=_DUSK,
        ),
    )
)

_PICTURE = graph(
    f"""
    {still("640x360", "118+112*pow(min(1,Y/H/0.6),1.1)")},{HOLD}[sky];
    {still("340x340", _SUN)},pad=1280:1000:470:330,{HOLD},crop=640:360:{_SUN_PATH}[sun];
    {still("640x360", "255")},{HOLD}[sun tone];
    {_tone("mountains", 118, 196)};
    {_mask("mountains", 96, 110, _ridge(_MOUNTAINS), _pan(1, start=128, day=24))};
    {_tone("hills", 88, 168)};{_mask("hills", 164, 100, _ridge(_HILLS), _pan(2, day=34))};
    {_tone("woods", 58, 134)};{_mask("woods", 212, 88, _ridge(_WOODS), _pan(3, day=40, dusk=10))};
    {_tone("pines", 14, 84)};{_mask("pines", 188, 142, _PINES, _pan(6, day=36, dusk=-8))};
    {_tone("poles", 4, 4)};
    {_mask("poles", 60, 100, _POLES, _pan(16, start=500), soften=",gblur=sigma=1.6:sigmaV=0.4")};
    [sky][sun tone][sun]maskedmerge[view 1];
    [view 1][mountains tone][mountains]maskedmerge[view 2];
    [view 2][hills tone][hills]maskedmerge[view 3];
    [view 3][woods tone][woods]maskedmerge[view 4];
    [view 4][pines tone][pines]maskedmerge[view 5];
    [view 5][poles tone][poles]maskedmerge,
    hflip=enable='{_DAY}',vignette=a=0.4,format=gray,{GREY_AS_RGB},{_PALETTES}
    """
)

_RAILS = "+".join(
    f"0.16*exp(-26*mod(t+{lag},1.25))*sin(2*PI*{hz}*mod(t+{lag},1.25))*min(1,mod(t+{lag},1.25)*90)"
    for lag, hz in ((1.1, 72), (0.93, 64))
)
_BELLS = [(0.6, 659.26), (2.5, 554.37), (5.2, 698.46), (7.5, 523.25), (10.2, 587.33), (12.4, 493.88)]
_SOUND = mixed(
    (
        chords(
            pad([110, 164.81, 220, 277.18, 329.63], swell_s=5, end_s=6),
            pad([87.31, 130.81, 220, 261.63, 349.23], swell_s=5, start_s=4, end_s=11),
            pad([98, 146.83, 196, 246.94, 440], swell_s=5, start_s=9),
        ),
        1,
    ),
    (bells(_BELLS, decay=1.6, overtone=3), 1),
    (beat(_RAILS), 1),
    (noise("brown", 23, shape="lowpass=f=180,tremolo=f=1.6:d=0.25"), 0.8),
    gain_db=3.3,
)

TRAIN = Sample(
    slug="the-slow-train",
    name="The Slow Train",
    synopsis="Three windows of one journey: rose at dawn, pale green by noon, violet when the lamps go on.",
    row="Tonight's shorts",
    accent="#d9626b",
    duration_s=15,
    cuts_s=(5.0, 10.0),
    picture=_PICTURE,
    sound=_SOUND,
)
