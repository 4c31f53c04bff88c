"""All styles of the studio, by name."""

from collections.abc import Mapping

from umir.studio import acoustic_styles, band_styles, electronic_styles
from umir.studio.style import Style

STYLES: Mapping[str, Style] = {
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
