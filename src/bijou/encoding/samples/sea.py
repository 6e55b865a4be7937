"""Slack Water: the sun comes up behind a boat at anchor."""

from bijou.encoding.samples.graph import (
    GREY_AS_RGB,
    HOLD,
    SEED,
    YUV,
    YUVA,
    graph,
    plain,
    still,
    texture,
    wash,
)
from bijou.encoding.samples.sample import Sample
from bijou.encoding.samples.sound import bells, chords, mixed, noise, pad

_HORIZON = 196
_WATER = 360 - _HORIZON
_AIR, _SEA = f"640x{_HORIZON}", f"640x{_WATER}"
_SUN = (
    "st(0,hypot(X-200,Y-200));"
    "min(255,255*clip((34-ld(0))/1.4,0,1)+150*exp(-ld(0)/46)*clip((198-ld(0))/60,0,1))"
)
# mast, main sail, fore sail, hull
_BOAT = (
    "st(0,X-40);st(1,Y);255*min(1,clip(1.2-abs(ld(0)+0.5),0,1)*between(ld(1),4,52)"
    "+clip((ld(0)-2)*1.5,0,1)*clip((ld(1)-6)*0.46-ld(0)+2,0,1)*lt(ld(1),48)"
    "+clip((-ld(0)-3)*1.5,0,1)*clip((ld(1)-16)*0.42+ld(0)+3,0,1)*lt(ld(1),48)"
    "+between(ld(1),50,57)*clip(24-(ld(1)-50)*1.2-abs(ld(0)+1),0,1))"
)

_PICTURE = graph(
    f"""
    # a sky that warms, with thin clouds
    {wash(_AIR, "lerp(58,236,pow(Y/H,1.3))", "lerp(66,150,pow(Y/H,1.5))", "lerp(110,128,Y/H)")},
    {HOLD}[before dawn];
    {wash(_AIR, "lerp(120,255,pow(Y/H,0.9))", "lerp(128,206,pow(Y/H,1.1))", "lerp(158,140,Y/H)")},
    {HOLD}[morning];
    [before dawn][morning]xfade=transition=fade:duration=13:offset=0.5[bare sky];
    {texture("160x48", octaves=4, persistence=0.65, scale="2.5x4", seed=21)},
    curves=all='0/0 0.5/0 0.8/0.45 1/0.55',scale=640:{_HORIZON}:flags=bicubic,format=gbrp,{HOLD}[cloud shape];
    {wash(_AIR, "255", "lerp(150,226,Y/H)", "lerp(140,170,Y/H)")},{HOLD}[cloud];
    [bare sky][cloud][cloud shape]maskedmerge[sky];

    # the sun rises a pixel at a time; mixing ten frames hides the steps
    {still("400x400", _SUN)},pad=1280:{_HORIZON + 600}:440:{_HORIZON},{HOLD},
    crop=640:{_HORIZON}:320:'{_HORIZON}+14+t*3.4',tmix=frames=10,{GREY_AS_RGB}[sun shape];
    {plain("0xfff0c8", _AIR)},{HOLD}[sun];
    [sky][sun][sun shape]maskedmerge[air];

    # two textures slide through each other and lie down in perspective
    {texture("600x512", octaves=4, persistence=0.62, scale="22x13", seed=SEED)},
    scale=1200:1024:flags=bicubic,{HOLD},split[swell][counter];
    [swell]crop=640:400:20+n:620-n[toward us];[counter]hflip,crop=640:400:540-n:600-n*1.5[across];
    [toward us][across]blend=all_mode=average,
    perspective=0:0:W:0:W*0.36:H*0.94:W*0.64:H*0.94:sense=source,
    scale=640:{_WATER}:flags=bilinear,setsar=1,split[waves][more waves];
    [waves]curves=interp=pchip:all='0/0 0.36/0.12 0.46/0.25 0.5/0.85 0.54/0.3 0.62/0.1 1/0',
    format=gray,{GREY_AS_RGB}[crests];
    {wash(_SEA, "lerp(205,40,pow(Y/H,0.55))", "lerp(136,62,pow(Y/H,0.55))", "lerp(132,92,pow(Y/H,0.6))")},
    {HOLD}[deep];
    {wash(_SEA, "lerp(250,112,pow(Y/H,0.5))", "lerp(186,120,pow(Y/H,0.5))", "lerp(150,134,pow(Y/H,0.6))")},
    {HOLD}[foam];
    [deep][foam][crests]maskedmerge[water];

    # the sun's path
    {still(_SEA, "255*exp(-pow((X-320)/(34+Y*0.50),2))*(1-0.35*Y/H)")},{HOLD}[path];
    [more waves]curves=interp=pchip:all='0/0 0.42/0 0.47/0.9 0.53/1 0.6/0.15 0.66/0 1/0',format=gray[glints];
    [glints][path]blend=all_mode=multiply,{GREY_AS_RGB}[glitter];
    {plain("0xffe9b4", _SEA)},{HOLD}[gold];
    [water][gold][glitter]maskedmerge[sea];
    [air][sea]vstack,{YUV}[view];

    {plain("0x2a2030", "96x60")}[tar];{still("96x60", _BOAT)}[boat shape];
    [tar][boat shape]alphamerge,{YUVA},split[boat][upside];
    [upside]vflip,scale=96:40,setsar=1,colorchannelmixer=aa=0.45[reflection];
    [view][boat]overlay=456:{_HORIZON - 52}[with boat];[with boat][reflection]overlay=456:{_HORIZON + 6}
    """
)

_BELLS = [
    (1, 369.99),
    (1.4, 440),
    (3.6, 554.37),
    (6, 329.63),
    (6.5, 440),
    (8.6, 369.99),
    (9, 554.37),
    (11.4, 293.66),
]
_SOUND = mixed(
    (noise("pink", 41, shape="lowpass=f=900,highpass=f=90,tremolo=f=0.17:d=0.85"), 1),
    (noise("white", 45, shape="bandpass=f=2600:w=1800,tremolo=f=0.17:d=0.95", amplitude=0.2), 0.3),
    (chords(pad([73.42, 110, 146.83, 220, 277.18], swell_s=6)), 0.9),
    (bells(_BELLS, decay=1.3, overtone=2), 0.9),
    gain_db=4.6,
)

SEA = Sample(
    slug="slack-water",
    name="Slack Water",
    synopsis="Between two tides nothing pulls at the anchor, and there is time to watch the sun get up.",
    row="Slow pictures",
    accent="#e58c78",
    duration_s=14,
    picture=_PICTURE,
    sound=_SOUND,
)
