"""The Long Coast: down to the edge of the Mandelbrot set, in brass on green."""

from bijou.encoding.samples.graph import FRAME_RATE, GREY_AS_RGB, grade, graph
from bijou.encoding.samples.sample import Sample
from bijou.encoding.samples.sound import bells, chords, mixed, noise, pad

_DURATION_S = 13
_BRASS = grade(
    "0/0.02 0.4/0.10 0.7/0.72 1/0.98",
    "0/0.05 0.4/0.27 0.7/0.56 1/0.93",
    "0/0.06 0.4/0.22 0.7/0.24 1/0.76",
)
_PICTURE = graph(
    f"""
    mandelbrot=s=512x288:r={FRAME_RATE}:maxiter=180
    :start_scale=2.2:end_scale=0.0034:end_pts={_DURATION_S * FRAME_RATE}
    :start_x=-0.743643887037151:start_y=0.131825904205330:inner=mincol,
    format=gbrp,extractplanes=g,gblur=0.6:steps=1,scale=640:360:flags=bicubic,setsar=1,{GREY_AS_RGB},
    {_BRASS}
    """
)

_BELLS = [(0.5 + 0.75 * n, 932.33 * 2 ** (-(n * 5 % 12) / 12)) for n in range(15)]
_SOUND = mixed(
    (chords(pad([61.74, 92.5, 123.47, 185, 233.08], swell_s=6)), 1),
    (bells(_BELLS, decay=1.8, overtone=2), 1),
    (noise("brown", 83, shape="bandpass=f=240:w=200,tremolo=f=0.15:d=0.7"), 0.5),
    gain_db=4,
)

COAST = Sample(
    slug="the-long-coast",
    name="The Long Coast",
    synopsis="Go closer and there is more of it: every bay has bays of its own, and no map is ever finished.",
    row="Slow pictures",
    accent="#b98f3c",
    duration_s=_DURATION_S,
    picture=_PICTURE,
    sound=_SOUND,
)
