"""All styles of the studio, by name: what the composer chooses from.

`style` says what a style is; the other modules are tables of styles that belong together.
"""

from collections.abc import Mapping

from umir.studio.styles import acoustic, band, dance, electronic, roots
from umir.studio.styles.style import Style

# Songs without the group of features *metre* are in one of these.
FIRST_STYLES: Mapping[str, Style] = {
    style.name: style
    for style in (
        electronic.AMBIENT,
        acoustic.BALLAD,
        band.BLUES,
        acoustic.BOSSA_NOVA,
        acoustic.CHAMBER,
        electronic.DRUM_AND_BASS,
        acoustic.FOLK,
        band.FUNK,
        electronic.HIP_HOP,
        electronic.HOUSE,
        acoustic.JAZZ,
        band.METAL,
        band.POP,
        band.PROG,
        band.REGGAE,
        band.ROCK,
        acoustic.WALTZ,
    )
}

# Dances keep their metre.
DANCES: Mapping[str, Style] = {
    style.name: style
    for style in (
        dance.CHA_CHA,
        dance.RUMBA,
        dance.SAMBA,
        dance.SWING,
        dance.TANGO,
        dance.VIENNESE_WALTZ,
    )
}

SOLO_PIANO = roots.SOLO_PIANO

STYLES: Mapping[str, Style] = {
    **FIRST_STYLES,
    **DANCES,
    **{
        style.name: style
        for style in (
            roots.COUNTRY,
            roots.DISCO,
            roots.MARCH,
            roots.PUNK,
            roots.SOUL,
            SOLO_PIANO,
        )
    },
}
