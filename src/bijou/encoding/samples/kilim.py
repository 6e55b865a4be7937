"""Rule 90, Woven: a one-line rule decides every knot of a rug."""

from bijou.encoding.samples.graph import HOLD, SEED, YUV, graph, still, still_rgb
from bijou.encoding.samples.sample import Sample
from bijou.encoding.samples.sound import beat, bells, chords, mixed, noise, pad

_KNOT, _ROWS, _BAND, _CUT_S, _DURATION_S = 4, 250, 92, 7, 13
_HEIGHT = _KNOT * _ROWS
_GROUND = ((30, 38, 78), (122, 28, 38), (24, 62, 66), (196, 92, 44))
_FIGURE = ((238, 222, 190), (240, 176, 84), (232, 204, 160), (44, 34, 66))


def _bands(colours: tuple[tuple[int, int, int], ...]) -> str:
    def channel(index: int) -> str:
        formula = str(colours[-1][index])
        for place, colour in reversed(list(enumerate(colours[:-1], start=1))):
            formula = f"if(lt(ld(0),{place}),{colour[index]},{formula})"
        return f"st(0,mod(floor(Y/{_BAND}),{len(colours)}));{formula}"

    return f"{still_rgb(f'4x{_HEIGHT}', *map(channel, range(3)))},scale=640:{_HEIGHT}:flags=neighbor,setsar=1"


_THREAD = (
    "180+50*if(mod(floor(X/4)+floor(Y/4),2),sin((mod(X,4)+0.5)*0.785),sin((mod(Y,4)+0.5)*0.785))+24*random(1)"
)
_PICTURE = graph(
    f"""
    # half the rug by the rule, the other half its mirror image
    cellauto=s=80x{_ROWS}:r=24:rule=90:ratio=0.05:seed={SEED}:start_full=1,trim=end_frame=1,format=gray,
    scale=320:{_HEIGHT}:flags=neighbor,split[left][copy];[copy]hflip[right];[left][right]hstack,format=gbrp[knots];
    {_bands(_GROUND)}[ground];{_bands(_FIGURE)}[figure];
    [ground][figure][knots]maskedmerge[dyed];
    {still("320x250", _THREAD)},split=8[w1][w2][w3][w4][w5][w6][w7][w8];
    [w1][w2]hstack[v1];[w3][w4]hstack[v2];[w5][w6]hstack[v3];[w7][w8]hstack[v4];
    [v1][v2][v3][v4]vstack=4,format=gbrp,setsar=1[weave];
    [dyed][weave]blend=all_mode=multiply,{YUV},{HOLD},split[wide][close];
    [wide]crop=640:360:0:'2*n',trim=end_frame={_CUT_S * 24}[first];
    [close]crop=320:180:160:'300+n',scale=640:360:flags=bilinear,setsar=1,trim=end_frame=400[second];
    [first][second]concat,setsar=1,vignette=a=0.5
    """
)

# A kalimba that follows the rug: scale steps where the rule's rows have a knot.
_SCALE_HZ = (293.66, 329.63, 369.99, 440, 493.88, 587.33, 659.26)
_TUNE = [
    (0.5 + 0.3125 * beat, _SCALE_HZ[(beat * beat + beat // 3) % 7]) for beat in range(38) if beat % 5 != 3
]
_SHUTTLE = "+".join(
    f"{loud}*exp(-60*mod(t+{lag},1.25))*sin(2*PI*{hz}*mod(t+{lag},1.25))"
    for loud, lag, hz in ((0.1, 0, 310), (0.07, 0.6, 230))
)
_SOUND = mixed(
    (chords(pad([73.42, 146.83, 220], swell_s=5)), 1),
    (bells(_TUNE, decay=4.5, overtone=3), 1.1),
    (beat(_SHUTTLE), 1),
    (noise("pink", 71, shape="bandpass=f=900:w=700,tremolo=f=0.8:d=0.6", amplitude=0.3), 0.25),
    gain_db=5.5,
)

KILIM = Sample(
    slug="rule-90-woven",
    name="Rule 90, Woven",
    synopsis="Each knot looks at its two neighbours in the row above and decides. Nobody drew the triangles.",
    row="Slow pictures",
    accent="#b4402f",
    duration_s=_DURATION_S,
    cuts_s=(float(_CUT_S),),
    picture=_PICTURE,
    sound=_SOUND,
)
