"""The Wave-U-Nets of the ISMIR 2018 paper by their names, as its code has them.

| name | adds |
|---|---|
| M1 | the baseline: voice and accompaniment, mono, 22,050 Hz |
| M2 | the voice as the mixture minus the accompaniment |
| M3 | context instead of padding |
| M4 | stereo: the best of the paper |
| M5 | learnt interpolation |
| M6 | M4 on four stems |
| M7 | M3 at 8192 Hz with 34 filters a level, for comparison with the spectrogram U-Net |
| U7 | the spectrogram U-Net |
| M5-HighSR | M5 at 44,100 Hz: the author's best model of voices, not in the paper |

The paper's text has M7 in stereo and its spectrogram U-Net give 98,650 samples; its code, followed
here, has M7 in mono, and 98,560 samples for both.
"""

from dataclasses import replace

from umir.wave_unet.separators.original import OriginalWaveUNet
from umir.wave_unet.separators.spectrogram import SpectrogramUNet

VOICE = ("accompaniment", "vocals")
STEMS = ("bass", "drums", "other", "vocals")
# Samples of 128 frames of 1024 samples, 768 apart.
COMPARED = 768 * 127 + 1024

M1 = OriginalWaveUNet(sources=VOICE)
M2 = replace(M1, difference=True)
M3 = replace(M2, context=True)
M4 = replace(M3, channels=2)
M5 = replace(M4, learned_upsampling=True)
M6 = replace(M4, sources=STEMS)
M7 = replace(M3, rate=8192, filters=34, wanted=COMPARED)
M5_HIGH_SR = replace(M5, rate=44_100)

# Trained on waveforms; U7a is the same network, trained on magnitudes.
U7 = SpectrogramUNet(VOICE)

VARIANTS: dict[str, OriginalWaveUNet | SpectrogramUNet] = {
    "M1": M1,
    "M2": M2,
    "M3": M3,
    "M4": M4,
    "M5": M5,
    "M6": M6,
    "M7": M7,
    "M5-HighSR": M5_HIGH_SR,
    "U7": U7,
}
