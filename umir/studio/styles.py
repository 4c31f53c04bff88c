"""All styles of the studio, by name."""

from collections.abc import Mapping

from umir.studio import (
    acoustic_styles,
    band_styles,
    dance_styles,
    electronic_styles,
    roots_styles,
)
from umir.studio.style import Style

# Songs without the group of features *metre* are in one of these.
FIRST_STYLES: Mapping[str, Style] = {
    style.name: style
    for style in (
        electronic_styles.AMBIENT,
        acoustic_styles.BALLAD,
        band_styles.BLUES,
        acoustic_styles.BOSSA_NOVA,
        acoustic_styles.CHAMBER,
        electronic_styles.DRUM_AND_BASS,
        acoustic_styles.FOLK,
        band_styles.FUNK,
        electronic_styles.HIP_HOP,
        electronic_styles.HOUSE,
        acoustic_styles.JAZZ,
        band_styles.METAL,
        band_styles.POP,
        band_styles.PROG,
        band_styles.REGGAE,
        band_styles.ROCK,
        acoustic_styles.WALTZ,
    )
}

# Dances keep their metre.
DANCES: Mapping[str, Style] = {
    style.name: style
    for style in (
        dance_styles.CHA_CHA,
        dance_styles.RUMBA,
        dance_styles.SAMBA,
        dance_styles.SWING,
        dance_styles.TANGO,
        dance_styles.VIENNESE_WALTZ,
    )
}

SOLO_PIANO = roots_styles.SOLO_PIANO

STYLES: Mapping[str, Style] = {
    **FIRST_STYLES,
    **DANCES,
    **{
        style.name: style
        for style in (
            roots_styles.COUNTRY,
            roots_styles.DISCO,
            roots_styles.MARCH,
            roots_styles.PUNK,
            roots_styles.SOUL,
            SOLO_PIANO,
        )
    },
}
