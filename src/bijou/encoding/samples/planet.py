"""Ringlight: a banded planet turns behind its rings."""

from math import cos, sin

from bijou.encoding.samples.graph import HOLD, SEED, YUV, graph, still, still_rgb, texture, wash
from bijou.encoding.samples.sample import Sample
from bijou.encoding.samples.sound import bells, chords, mixed, noise, pad

_RADIUS, _X, _Y = 150, 250, 178
_BALL_SIZE = f"{2 * _RADIUS}x{2 * _RADIUS}"
_TILT, _SQUASH = -0.30, 0.26
_C, _S = round(cos(_TILT), 4), round(sin(_TILT), 4)

# ld(2), ld(3): the place in the rings' plane; ld(4): radii from the planet's middle.
_PLANE = (
    f"st(0,X-{_X});st(1,Y-{_Y});st(2,ld(0)*({_C})+ld(1)*({_S}));"
    f"st(3,(ld(1)*({_C})-ld(0)*({_S}))/{_SQUASH});st(4,hypot(ld(2),ld(3))/{_RADIUS});"
)
_RINGS = (
    "between(ld(4),1.28,2.25)*(0.55+0.25*sin(ld(4)*41)+0.2*sin(ld(4)*97+1))"
    "*(1-0.85*exp(-pow((ld(4)-1.93)*26,2)))*min(1,(ld(4)-1.28)*9)*min(1,(2.25-ld(4))*12)"
)
_SHADOW = (
    f"(1-0.93*clip((ld(2)*0.60-ld(3)*0.80)/{_RADIUS}*8,0,1)"
    f"*clip((1-abs(ld(2)*0.80+ld(3)*0.60)/{_RADIUS})*14,0,1))"
)
_LIT = (
    f"st(0,(X-{_RADIUS})/{_RADIUS});st(1,(Y-{_RADIUS})/{_RADIUS});st(2,sqrt(max(0,1-ld(0)*ld(0)-ld(1)*ld(1))));"
    "255*clip(pow(max(0,-0.72*ld(0)-0.35*ld(1)+0.60*ld(2)),0.8)+0.015,0,1)"
    "*(1-0.55*exp(-pow((ld(1)-0.30*ld(0)+0.02-0.26*ld(2))*9,2)))"
)


def _bands(middle: int, wide: int, fine: int, lag: float) -> str:
    """One colour of the cloud bands, bent by the noise that is in the frame."""
    return (
        "st(0,Y/H+0.055*(r(X,Y)/255-0.5)+0.012*sin(X/W*50.26+Y/H*40));"
        f"clip({middle}+{wide}*sin(ld(0)*39-{lag})+{fine}*sin(ld(0)*97+1)+{wide}*(r(X,H/2+Y*0.5)/255-0.5),0,255)"
    )


def _rock(tone: int) -> str:
    return f"st(0,(X-11.5)/10);st(1,(Y-11.5)/10);{tone}*(0.06+0.94*clip(0.25-0.8*ld(0)-0.5*ld(1),0,1))"


_PICTURE = graph(
    f"""
    {still("640x360", "gt(random(1),0.9975)*pow(random(2),4)*255")},format=gbrp[stars];
    {texture("160x90", octaves=5, persistence=0.6, scale="2x2", seed=31)},
    curves=all='0/0 0.45/0 0.8/0.5 1/0.7',scale=640:360:flags=bicubic,setsar=1,format=gbrp,
    lutrgb=r=10+val*0.32:g=9+val*0.13:b=22+val*0.36[nebula];
    [nebula][stars]blend=all_mode=screen[sky];

    # the noise and its mirror image make a surface without a seam
    {texture("512x256", octaves=5, persistence=0.55, scale="3.5x3", seed=SEED)},
    format=gbrp,split[half][other];
    [other]hflip[mirrored];[half][mirrored]hstack,scale=512:256,
    geq=r='{_bands(178, 46, 22, 0)}':g='{_bands(128, 42, 18, 0.25)}':b='{_bands(92, 26, 14, 0.6)}',
    {HOLD},scroll=h={-1 / 512}:hpos=0.2,v360=e:og:w={2 * _RADIUS}:h={2 * _RADIUS}:roll=-17:pitch=-14[surface];
    {still(_BALL_SIZE, _LIT)},format=gbrp,{HOLD}[sunlight];
    [surface][sunlight]blend=all_mode=multiply:shortest=1[lit];
    {still(_BALL_SIZE, f"255*clip({_RADIUS}-0.5-hypot(X-{_RADIUS}+0.5,Y-{_RADIUS}+0.5),0,1)")},
    {HOLD}[disc];
    [lit][disc]alphamerge[globe];

    # the rings go round: one part behind the globe, one before it
    {wash("640x360", "226", "200", "170")},split[ice][more ice];
    {still("640x360", f"{_PLANE}255*{_RINGS}*{_SHADOW}")},split[rings][more rings];
    [ice][rings]alphamerge[behind];
    {still("640x360", f"{_PLANE}255*gt(ld(3),0)")}[near half];
    [more rings][near half]blend=all_mode=multiply[near rings];
    [more ice][near rings]alphamerge,{HOLD}[before];
    [sky][behind]overlay=format=gbrp,{HOLD}[backdrop];

    # a small moon, lit from the same side
    {still_rgb("24x24", _rock(214), _rock(206), _rock(198))}[rock];
    {still("24x24", "255*clip(10.5-hypot(X-11.5,Y-11.5),0,1)")}[round];
    [rock][round]alphamerge,{HOLD}[moon];
    [backdrop][globe]overlay=x={_X - _RADIUS}:y={_Y - _RADIUS}:format=gbrp:shortest=1[with globe];
    [with globe][before]overlay=format=gbrp[with rings];
    [with rings][moon]overlay=x='150+n':y='262-0.24*n':format=gbrp,{YUV}
    """
)

_BELLS = [(2, 622.25), (4.5, 830.61), (7, 493.88), (9.6, 739.99), (11.2, 622.25)]
_SOUND = mixed(
    (chords(pad([41.2, 82.41, 123.47, 185, 246.94, 311.13], swell_s=8)), 1),
    (bells(_BELLS, decay=0.9, overtone=2), 1),
    (noise("brown", 37, shape="lowpass=f=120,tremolo=f=0.13:d=0.6"), 0.5),
    gain_db=5,
)

PLANET = Sample(
    slug="ringlight",
    name="Ringlight",
    synopsis="A giant turns in its sleep while a moon the size of a button walks across its rings.",
    row="Tonight's shorts",
    accent="#c98b4a",
    duration_s=14,
    picture=_PICTURE,
    sound=_SOUND,
)
