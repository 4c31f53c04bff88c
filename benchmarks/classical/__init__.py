"""What can be done without learning on the same songs: mostly librosa, one method per task.

`METHODS` are those of `benchmarks/real_recordings.py`; there, for separation, half the mixture
stands for each of two stems, the score of a guess. `benchmarks/without_adaptation.py` has methods
for drums, notes and separation, too (`recordings.trials`).
"""

from classical.harmony import chroma_templates, key_profiles
from classical.method import Method
from classical.rhythm import beat_track, onset_detect, tempo
from classical.timbre import equal_shares, mfcc_regression
from classical.voice import always_voice, pyin, vocal_energy

# Of each folder of recordings; the first is the table's, the others are printed apart.
METHODS: dict[str, dict[str, Method]] = {
    "onsets": {"onset_detect": onset_detect},
    "beats": {"beat_track": beat_track},
    "tempo": {"feature.tempo": tempo},
    "singing": {"energy": vocal_energy, "always voice": always_voice},
    "melody": {"pyin": pyin},
    "mir_1k": {"half the mixture": equal_shares},
    "medley_solos": {"MFCC, regression": mfcc_regression},
    "chords_rendered": {"chroma templates": chroma_templates},
    "keys_rendered": {"key profiles": key_profiles},
}

__all__ = ["METHODS", "Method"]
