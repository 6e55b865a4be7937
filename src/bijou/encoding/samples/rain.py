"""Window Seat: a wet pane, and a city out of focus behind it."""

from bijou.encoding.samples.graph import GREY_AS_RGB, HOLD, graph, hashed, still, still_rgb
from bijou.encoding.samples.sample import Sample
from bijou.encoding.samples.sound import bells, chords, mixed, noise, pad

_CUT_S = 7
_SECOND = f"gte(t,{_CUT_S}-0.01)"


def _lamps(
    name: str, cell: int, smallest: float, largest: float, salt: int, share: float, dimmest: float
) -> str:
    """Discs of light, at most one a cell of 640x200, a quarter of the picture's.

    A third of the lamps are sodium, the rest signals, shop signs and windows.
    """

    def numbers(column: str, row: str) -> str:
        return (
            f"st(1,{hashed(f'{column}*7.13+{row}*3.71+{salt}')});"
            f"st(2,{hashed(f'{column}*2.31+{row}*9.17+{salt + 5}')});"
            f"st(3,{hashed(f'{column}*5.57+{row}*1.93+{salt + 11}')});"
        )

    def paint(sodium: int, red: int, blue: int, white: int) -> str:
        others = f"if(lt(ld(2),0.72),{red},if(lt(ld(2),0.88),{blue},{white}))"
        return f"{numbers('X', 'Y')}st(2,mod(ld(1)*29,1));if(lt(ld(2),0.55),{sodium},{others})"

    def offset(axis: str, number: int) -> str:
        return f"mod({axis},{cell})-{cell / 2}-(ld({number})-0.5)*({cell}-2*ld(4)-1)"

    disc = (
        f"{numbers(f'floor(X/{cell})', f'floor(Y/{cell})')}st(4,{smallest}+{largest - smallest}*ld(3));"
        f"st(5,hypot({offset('X', 1)},{offset('Y', 2)}));"
        f"255*lt(mod(ld(1)*17,1),{share}*(1.35-2.2*abs(floor(Y/{cell})*{cell}/200-0.42)))*clip(ld(4)-ld(5),0,1)*lerp({dimmest},1,ld(2))*(0.74+0.26*pow(ld(5)/ld(4),3))"
    )
    cells = f"{640 // cell}x{200 // cell}"
    return (
        f"{still('640x200', disc)},format=gbrp[{name} shape];"
        f"{still_rgb(cells, paint(255, 255, 64, 246), paint(170, 70, 190, 226), paint(72, 58, 220, 196))},"
        f"scale=640:200:flags=neighbor,setsar=1[{name} colour];"
        f"[{name} shape][{name} colour]blend=all_mode=multiply[{name}]"
    )


def _drops(grid: str, share: float, blur: float, salt: int, *, size: str) -> str:
    """Water on glass as a height map: sparse points, spread and cut off."""
    points = f"if(gt(random({salt}),{1 - share}),90+165*random({salt + 1}),0)"
    heights = "0/0 0.16/0 0.24/0.45 0.36/0.85 0.55/1 1/1"
    return (
        f"{still(grid, points)},scale={size}:flags=bicubic,gblur={blur}:steps=2,"
        f"curves=interp=pchip:all='{heights}',format=gray,setsar=1"
    )


_PICTURE = graph(
    f"""
    # the city, far and near, seen at a slow drive
    {_lamps("far", 40, 11, 19.5, 3, 0.62, 0.55)};
    {_lamps("near", 20, 4, 9, 8, 0.36, 0.65)};
    {still_rgb("640x200", "16+40*pow(Y/H,2)", "15+22*pow(Y/H,2)", "36+14*Y/H")}[night];
    [night][far]blend=all_mode=screen,{HOLD},crop=320:180:'30+n*0.5+100*{_SECOND}':10[far lamps];
    [near]{HOLD},crop=320:180:n:12[near lamps];
    [far lamps][near lamps]blend=all_mode=screen:shortest=1,gblur=1.6:steps=1,
    hflip=enable='{_SECOND}',colorchannelmixer=gg=0.82:bb=0.7:br=0.5:rb=0.2:enable='{_SECOND}',split[discs][bloom];
    [bloom]gblur=14:steps=1,lutrgb=r=val*0.95:g=val*0.72:b=val*0.6[haze];[discs][haze]blend=all_mode=screen,vignette=a=0.45,
    scale=640:360:flags=bicubic,setsar=1,format=gbrp[city];

    # drops that stay and drops that run, each run leaving a trail
    {_drops("320x180", 0.014, 1.0, 1, size="640:360")}[fine];
    {_drops("107x60", 0.055, 2.4, 4, size="642:360")},crop=640:360[coarse];
    [fine][coarse]blend=all_mode=lighten,{HOLD}[resting];
    {_drops("80x60", 0.006, 2.6, 7, size="640:1440")},{HOLD},
    crop=640:360:0:'1070-n*2.3-14*sin(n/9)',lagfun=decay=0.965[running];
    [resting][running]blend=all_mode=lighten:shortest=1,gblur=0.9:steps=1,split[height x][height y];

    # the slope of the water bends the light, and catches some from above
    [height x]convolution=0m='-1 0 1 -2 0 2 -1 0 1':0rdiv=0.11:0bias=128,{GREY_AS_RGB}[bend x];
    [height y]convolution=0m='-1 -2 -1 0 0 0 1 2 1':0rdiv=0.11:0bias=128,{GREY_AS_RGB},split[bend y][sheen];
    [city][bend x][bend y]displace=edge=mirror[bent];
    [bent][sheen]blend=all_mode=hardlight:all_opacity=0.4
    """
)

_PIANO = [
    (0.8, 392),
    (1.5, 466.16),
    (2.9, 587.33),
    (4.8, 311.13),
    (7.1, 392),
    (7.8, 349.23),
    (9.2, 523.25),
    (11, 293.66),
]
_SOUND = mixed(
    (noise("pink", 53, shape="highpass=f=500,lowpass=f=5200", amplitude=0.4), 0.55),
    (
        noise("velvet", 57, shape="lowpass=f=1900,highpass=f=300,aecho=0.8:0.6:23|41:0.3|0.2", amplitude=0.9),
        0.35,
    ),
    (chords(pad([65.41, 98, 155.56, 196, 293.66], swell_s=7)), 0.9),
    (bells(_PIANO, decay=1.5, overtone=2), 0.9),
    gain_db=5,
)

RAIN = Sample(
    slug="window-seat",
    name="Window Seat",
    synopsis="Rain, a warm carriage, and a city that is only lamps. Nobody has to get off yet.",
    row="Tonight's shorts",
    accent="#d98a3d",
    duration_s=13,
    cuts_s=(float(_CUT_S),),
    picture=_PICTURE,
    sound=_SOUND,
)
