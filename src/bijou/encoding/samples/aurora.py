"""Northern Curtain: an aurora over a lake between mountains."""

from bijou.encoding.samples.graph import (
    GREY_AS_RGB,
    HOLD,
    SEED,
    YUV,
    YUVA,
    graph,
    moving_texture,
    plain,
    saw,
    still,
    wash,
)
from bijou.encoding.samples.sample import Sample
from bijou.encoding.samples.sound import bells, chords, mixed, noise, pad

# The picture is 1280x720: 532 lines of air and, under them, its mirror. All
# that moves is computed at 320x180, the colours at 640x266.
_AIR, _LAKE, _RIDGES = 532, 188, 198
_FAR = f"0.78-0.36*{saw(4.3, 1.3)}-0.12*{saw(11.3, 0.4)}-0.04*{saw(37, 0)}"
_NEAR = (
    f"0.92-0.62*{saw(3.1, 0.35)}*(0.5+0.5*{saw(1.3, 0.9)})"
    f"-0.15*{saw(9.7, 0.2)}-0.06*{saw(27, 0)}-0.025*{saw(83, 0)}"
)


def _ridge(height: str) -> str:
    return still(f"1280x{_RIDGES}", f"255*clip((Y/H-({height}))*H,0,1)")


def _fall(edge: float) -> str:
    """A curtain's light from its sharp lower edge upward."""
    light = f"st(0,{edge}-Y/H);255*if(gt(ld(0),0),exp(-ld(0)*3.6)*min(1,ld(0)*18),0)"
    return f"{still('320x180', light)},{HOLD}"


_PICTURE = graph(
    f"""
    # what stands in front: stars, far and near ridges
    {wash(f"1280x{_RIDGES}", "10+14*Y/H", "20+46*Y/H", "36+54*Y/H")}[far colour];
    {_ridge(_FAR)}[far shape];[far colour][far shape]alphamerge[far];
    {wash(f"1280x{_RIDGES}", "5+9*pow(Y/H,9)", "9+30*pow(Y/H,9)", "15+34*pow(Y/H,9)")}[near colour];
    {_ridge(_NEAR)}[near shape];[near colour][near shape]alphamerge[near];
    [far][near]overlay=format=gbrp:alpha=straight[ridges];
    {plain("0xdfe8ff", f"1280x{_AIR}")}[starlight];
    {still(f"1280x{_AIR}", "gt(random(5),0.9986)*pow(random(6),3)*255*(1-0.85*Y/H)")}[star shape];
    [starlight][star shape]alphamerge[stars];
    [stars][ridges]overlay=0:{_AIR - _RIDGES}:format=gbrp:alpha=straight,{YUVA},{HOLD}[front];

    # two curtains of rays, hung on a slow wave
    {moving_texture("160x4", 3, 0.7, "12x0.1", SEED, rate=12, pace=0.5)},format=gray,
    curves=all='0/0 0.3/0.08 0.55/0.62 0.75/1',scale=320x180:flags=bicubic,split[rays][more rays];
    {_fall(0.66)}[fall];{_fall(0.80)}[low fall];
    [rays][fall]blend=all_mode=multiply[flat];
    [more rays]hflip[rays back];[rays back][low fall]blend=all_mode=multiply[low flat];
    {moving_texture("64x6", 2, 1, "3.2x0.35", 12, rate=12, pace=0.16)},format=gray,
    scale=320x180:flags=bicubic,split=3[wave x][wave y][wave z];
    [wave x]lutyuv=y='128+(val-128)*0.4'[shift x];
    [wave y]lutyuv=y='128+(val-128)*0.45',split[shift y][shift v];
    [flat][shift x][shift y]displace=edge=smear[curtain];
    [wave z]lutyuv=y='128-(val-128)*0.5'[shift u];[shift v]hflip,negate[shift w];
    [low flat][shift u][shift w]displace=edge=smear,lutyuv=y=val*0.7[low curtain];
    [curtain][low curtain]blend=all_mode=screen,split[sharp][soft];
    [soft]gblur=16:steps=2,lutyuv=y=val*0.6[halo];[sharp][halo]blend=all_mode=screen,
    framerate=fps=24:flags=0,scale=656:266:flags=bicubic,crop=640:266,setsar=1,format=gray,{GREY_AS_RGB}[light];

    # violet above, green below; then the lake
    {wash("640x266", "clip(225-420*Y/H,26,255)", "clip(14+390*Y/H,0,242)", "clip(215-85*Y/H,0,255)")},
    {HOLD}[tint];
    {wash("640x266", "7+10*Y/H", "9+26*pow(Y/H,2)", "24+38*Y/H")},{HOLD}[night];
    [light][tint]blend=all_mode=multiply[glow];
    [night][glow]blend=all_mode=screen:shortest=1,{YUV},scale=1280:{_AIR}:flags=bilinear[air];
    [air][front]overlay=alpha=straight,split[shore][mirror];
    [mirror]crop=1280:{_LAKE}:0:{_AIR - _LAKE},scale=640:{_LAKE // 2}:flags=bilinear,vflip,
    gblur=sigma=1:sigmaV=5:steps=1,scale=1280:{_LAKE}:flags=bilinear,lutyuv=y='16+(val-16)*0.74'[lake];
    [shore][lake]vstack
    """
)

_BELLS = [(1.5, 1108.7), (3.1, 739.99), (5.2, 987.77), (7.4, 1479.98), (9.2, 1108.7)]
_SOUND = mixed(
    (chords(pad([55, 110, 164.81, 246.94, 277.18, 369.99], swell_s=6)), 1),
    (bells(_BELLS, decay=1.1, overtone=2.76), 0.8),
    (noise("pink", 11, shape="bandpass=f=620:w=500,tremolo=f=0.16:d=0.7"), 0.5),
    gain_db=7.6,
)

AURORA = Sample(
    slug="northern-curtain",
    name="Northern Curtain",
    synopsis="A lake far up north, after midnight. The sky takes its time and the water repeats every word.",
    row="Tonight's shorts",
    accent="#1fbf93",
    duration_s=12,
    width=1280,
    height=720,
    picture=_PICTURE,
    sound=_SOUND,
)
