"""The words that the studio's singers know, by syllable, with their phonemes.

A line of the tables is `spelling=phonemes`, both divided into syllables by dots. Phonemes are those
of `umir.studio.voices.phonemes`. The list is our own: common words of songs, no song's text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from umir.studio.voices.phonemes import CONSONANTS, DIPHTHONGS, HUMS, VOWELS


@dataclass(frozen=True)
class Syllable:
    """A syllable: spelling, phonemes before its vowel, the vowel, and phonemes after it."""

    text: str
    onset: tuple[str, ...]
    nucleus: str
    coda: tuple[str, ...]


Word = tuple[Syllable, ...]

_PRONOUNS = """
I=ay you=y uw we=w iy they=dh ey she=sh iy he=hh iy who=hh uw no.bo.dy=n ow.b ah.d iy
eve.ry.one=eh v.r iy.w ah n my.self=m ay.s eh l f
"""
_VERBS = """
love=l ah v know=n ow feel=f iy l hold=hh ow l d run=r ah n fall=f ao l sing=s ih ng see=s iy
need=n iy d want=w aa n t wait=w ey t stay=s t ey leave=l iy v call=k ao l find=f ay n d
lose=l uw z dream=d r iy m shine=sh ay n cry=k r ay burn=b er n turn=t er n move=m uw v
keep=k iy p give=g ih v take=t ey k break=b r ey k walk=w ao k fly=f l ay sleep=s l iy p
lis.ten=l ih.s ah n re.mem.ber=r ih.m eh m.b er for.get=f er.g eh t be.lieve=b ih.l iy v
touch=t ah ch look=l uh k won.der=w ah n.d er whis.per=w ih s.p er fol.low=f aa.l ow
car.ry=k ae.r iy
"""
_NOUNS = """
heart=hh aa r t night=n ay t day=d ey time=t ay m eyes=ay z hand=hh ae n d fire=f ay r
rain=r ey n sun=s ah n moon=m uw n sky=s k ay sea=s iy road=r ow d home=hh ow m dream=d r iy m
song=s ao ng light=l ay t star=s t aa r name=n ey m world=w er l d soul=s ow l voice=v oy s
town=t aw n door=d ao r snow=s n ow wind=w ih n d stone=s t ow n train=t r ey n gold=g ow l d
mor.ning=m ao r.n ih ng eve.ning=iy v.n ih ng sum.mer=s ah.m er win.ter=w ih n.t er
ri.ver=r ih.v er wa.ter=w ao.t er sha.dow=sh ae.d ow moun.tain=m aw n.t ah n o.cean=ow.sh ah n
win.dow=w ih n.d ow mu.sic=m y uw.z ih k ci.ty=s ih.t iy dan.cer=d ae n.s er ba.by=b ey.b iy
stran.ger=s t r ey n.jh er gar.den=g aa r.d ah n to.mor.row=t ah.m aa.r ow me.lo.dy=m eh.l ah.d iy
yes.ter.day=y eh.s t er.d ey me.mo.ry=m eh.m er.r iy pro.mise=p r aa.m ih s
chil.dren=ch ih l.d r ah n
"""
_ADJECTIVES = """
good=g uh d blue=b l uw cold=k ow l d warm=w ao r m new=n uw old=ow l d sweet=s w iy t long=l ao ng
wild=w ay l d young=y ah ng bright=b r ay t slow=s l ow deep=d iy p high=hh ay dark=d aa r k
gol.den=g ow l.d ah n sil.ver=s ih l.v er lone.ly=l ow n.l iy emp.ty=eh m p.t iy
hap.py=hh ae.p iy bro.ken=b r ow.k ah n hol.low=hh aa.l ow beau.ti.ful=b y uw.t ah.f ah l
"""
_LINKS = """
in=ih n on=aa n by=b ay to=t uw for=f ao r with=w ih th through=th r uw o.ver=ow.v er
un.der=ah n.d er in.to=ih n.t uw a.bove=ah.b ah v be.side=b ih.s ay d and=ae n d
"""
_ARTICLES = """
the=dh ah a=ah my=m ay your=y ao r our=aw r this=dh ih s that=dh ae t one=w ah n
"""
_CALLS = """
oh=ow ah=aa hey=hh ey yeah=y ae la=l aa na=n aa ooh=uw no=n ow now=n aw so=s ow
ba.by=b ey.b iy to.night=t ah.n ay t a.gain=ah.g eh n a.way=ah.w ey to.ge.ther=t ah.g eh.dh er
"""


def _parse(table: str) -> tuple[Word, ...]:
    """Read a table of words."""
    # Phonemes are divided by blanks as words are: a word begins where the next `=` has its name.
    fields = table.split("=")
    words = []
    name = fields[0].strip()
    for index, field in enumerate(fields[1:], 1):
        last = index + 1 == len(fields)
        phonemes, following = (field, "") if last else field.rsplit(maxsplit=1)
        words.append(_word(name, phonemes))
        name = following
    return tuple(words)


def _word(spelling: str, phonemes: str) -> Word:
    """Put spelling and phonemes of a word together, syllable by syllable."""
    texts, sounds = spelling.split("."), phonemes.split(".")
    if len(texts) != len(sounds):
        raise ValueError(f"{spelling!r} has {len(texts)} syllables, {phonemes!r} {len(sounds)}")
    return tuple(syllable(text, sound) for text, sound in zip(texts, sounds, strict=True))


def syllable(text: str, phonemes: str) -> Syllable:
    """Return the syllable of phonemes divided by blanks.

    Raises:
        ValueError: a phoneme is unknown, or there is not exactly one vowel.
    """
    symbols = phonemes.split()
    nuclei = {*VOWELS, *DIPHTHONGS, *HUMS}
    vowels = [at for at, name in enumerate(symbols) if name in nuclei]
    unknown = set(symbols) - nuclei - set(CONSONANTS)
    if unknown or len(vowels) != 1:
        raise ValueError(f"{text!r}: {phonemes!r} is no syllable of known phonemes with one vowel")
    at = vowels[0]
    return Syllable(text, tuple(symbols[:at]), symbols[at], tuple(symbols[at + 1 :]))


# Word classes, and which may follow which in a line.
LEXICON: dict[str, tuple[Word, ...]] = {
    "pronoun": _parse(_PRONOUNS),
    "verb": _parse(_VERBS),
    "noun": _parse(_NOUNS),
    "adjective": _parse(_ADJECTIVES),
    "link": _parse(_LINKS),
    "article": _parse(_ARTICLES),
    "call": _parse(_CALLS),
}
FOLLOWS: dict[str, tuple[str, ...]] = {
    "pronoun": ("verb",),
    "verb": ("article", "link", "article", "call"),
    "noun": ("link", "pronoun", "call"),
    "adjective": ("noun",),
    "link": ("article",),
    "article": ("noun", "noun", "adjective"),
    "call": ("pronoun", "article", "call"),
}
# What a choir sings without words.
PADS: tuple[Syllable, ...] = (
    syllable("ooh", "uw"),
    syllable("aah", "aa"),
    syllable("oh", "ow"),
    syllable("la", "l aa"),
    syllable("mmh", "m ah m"),
)


def words() -> Iterator[Word]:
    """Go through all words of the lexicon."""
    for group in LEXICON.values():
        yield from group
