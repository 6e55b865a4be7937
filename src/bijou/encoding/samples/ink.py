"""Endpaper: indigo and vermilion wander over cream, as in marbled paper."""

from bijou.encoding.samples.graph import FRAME_RATE, GREY_AS_RGB, SEED, grade, graph, moving_texture
from bijou.encoding.samples.sample import Sample
from bijou.encoding.samples.sound import bells, chords, mixed, noise, pad

_INKS = grade(
    "0/0.07 0.25/0.12 0.5/0.78 0.66/0.91 1/0.93",
    "0/0.08 0.25/0.18 0.5/0.32 0.66/0.82 1/0.88",
    "0/0.20 0.25/0.38 0.5/0.22 0.66/0.68 1/0.78",
)

# Noise displaced by its own mirror images folds like ink on water. It is made
# at twelve frames a second, and in 16 bits where its levels are spread out.
_PICTURE = graph(
    f"""
    {moving_texture("160x90", 3, 0.5, "2.6x1.7", SEED, rate=12, pace=0.08)},format=gray,
    scale=640:360:flags=bicubic,split=3[ink][comb x][comb y];
    [comb x]vflip,lutyuv=y='128+(val-128)*1.8'[pull x];[comb y]hflip,lutyuv=y='128+(val-128)*1.8'[pull y];
    [ink][pull x][pull y]displace=edge=mirror,framerate=fps={FRAME_RATE}:flags=0,
    format=gray16,gblur=1.7:steps=2,lutyuv=y='32768+31000*sin((val/257-128)*0.12)',format=gray,{GREY_AS_RGB},
    {_INKS}
    """
)

_BELLS = [
    *((0.6, 587.33), (1.3, 880), (2.6, 659.26), (3.9, 987.77), (5.6, 440), (6.3, 659.26), (7.9, 783.99)),
    *((9.2, 587.33), (10.1, 987.77), (11.5, 880), (12.2, 440)),
]
_SOUND = mixed(
    (chords(pad([98, 146.83, 220, 293.66, 329.63], swell_s=6.5)), 1),
    (bells(_BELLS, decay=1.2, overtone=2.76), 1),
    (noise("brown", 61, shape="bandpass=f=300:w=260,tremolo=f=0.21:d=0.6"), 0.5),
    gain_db=6.5,
)

INK = Sample(
    slug="endpaper",
    name="Endpaper",
    synopsis="Two inks let go on a tray of water. Every frame would do for the inside of a good book.",
    row="Slow pictures",
    accent="#24418f",
    duration_s=14,
    picture=_PICTURE,
    sound=_SOUND,
)
