"""MIR-1K: 1000 clips of Chinese pop songs sung to karaoke by 19 amateurs.

The left channel is the accompaniment, the right one the voice; the mixture is their sum. Labels
come in frames of 40 ms, 20 ms apart, so that frame n is centred at 0.02 (n + 1) seconds: there, of
all offsets, the voice is most periodic at the labelled pitch (0.96) and its level agrees best with
the labels of voice. Groups are the singers; there is no published split.

Reference: C.-L. Hsu and J.-S. R. Jang, "On the Improvement of Singing Voice Separation for Monaural
Recordings Using the MIR-1K Dataset", IEEE TASLP 18(2), 2010.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from umir.annotations import F0, Annotation, Intervals, Stems
from umir.audio import AudioError, read_audio, to_channels
from umir.audio_folders import audio_in
from umir.data_sets.data_set import DataSet, DataSetError, Labelling, Loaded
from umir.data_sets.published_layout import FolderTrack, audio_file, inner_folder

HOP = 0.02  # seconds between frames; the first is centred one hop after the start
VOICE = "voice"


def mir_1k_tracks(home: Path, index: Path | None = None) -> list[FolderTrack]:
    """Return the clips of the folder `MIR-1K`, or of the one that holds it.

    Raises:
        DataSetError: it has none.
    """
    del index
    base = inner_folder(home, "MIR-1K")
    names = sorted({path.stem for path in audio_in(base / "Wavfile")})
    if not names:
        raise DataSetError(f"{home}: no clip in a folder 'Wavfile'; give the folder 'MIR-1K'")
    return [
        FolderTrack(
            name,
            {
                "audio": audio_file(base / "Wavfile" / name),
                "pitch": base / "PitchLabel" / f"{name}.pv",
                "voice": base / "vocal-nonvocalLabel" / f"{name}.vocal",
            },
        )
        for name in names
    ]


def singer(name: str) -> str:
    """Return the singer of a clip: the part of its name before the first underscore."""
    return name.split("_")[0]


def voice_intervals(voiced: Shaped[np.ndarray, " frame"], duration: float) -> Intervals:
    """Return the stretches of voiced frames.

    Args:
        voiced: true, or above 0, where there is voice.
        duration: of the clip in seconds; the first and the last frame reach to its ends.
    """
    borders = HOP * (np.arange(len(voiced) + 1) + 0.5)
    borders[0], borders[-1] = 0.0, duration
    changes = np.diff(np.concatenate([[0], (voiced > 0).astype(int), [0]]))
    starts, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    intervals = np.stack([borders[starts], borders[ends]], axis=1)
    return Intervals(intervals, (VOICE,) * len(intervals), duration)


def pitch_curve(pitches: Float[np.ndarray, " frame"]) -> F0:
    """Return the curve in Hz of MIDI note numbers, 0 where there is no pitch."""
    frequencies = np.where(pitches > 0, 440.0 * 2 ** ((pitches - 69) / 12), 0.0)
    return F0(HOP * (np.arange(len(pitches)) + 1.0), frequencies)


def _parts(track: FolderTrack, rate: int, channels: int) -> dict[str, np.ndarray]:
    """Return voice and accompaniment of a clip, each of shape `(time, channel)`."""
    path = track.files["audio"]
    waveform, _ = read_audio(path, rate)
    if waveform.shape[1] != 2:
        raise AudioError(
            f"{path}: has {waveform.shape[1]} channels, not accompaniment and voice; get it again"
        )
    parts = {"vocals": waveform[:, 1:], "accompaniment": waveform[:, :1]}
    return {name: to_channels(part, channels) for name, part in parts.items()}


def _stems(track: FolderTrack, rate: int, channels: int) -> Loaded:
    parts = _parts(track, rate, channels)
    return parts["vocals"] + parts["accompaniment"], Stems(parts, rate), []


def _labelled(kind: str, file: str, read: Callable[[np.ndarray, float], Annotation]) -> Labelling:
    def load(track: FolderTrack, rate: int, channels: int) -> Loaded:
        mixture = _stems(track, rate, channels)[0]
        duration = len(mixture) / rate
        annotation = read(_frames(track.files[file]), duration)
        return mixture, annotation.crop(0.0, duration), []

    return Labelling(kind, lambda track: (track.files["audio"], track.files[file]), load)


def _frames(path: Path) -> np.ndarray:
    """Return the numbers of a file, one per frame."""
    lines = path.read_text(encoding="utf-8").split()
    if not lines:
        raise ValueError("is empty")
    return np.array(lines, float)


MIR_1K = DataSet(
    name="mir_1k",
    licence="given out by its authors for research",
    size="0.5 GB of clips, 1000 (133 min)",
    access="download and unpack http://mirlab.org/dataset/public/MIR-1K.rar",
    splits="no published split; group = singer (19)",
    tracks=mir_1k_tracks,
    tasks={
        "vocal_separation": Labelling("stems", lambda track: (track.files["audio"],), _stems),
        "singing_voice_detection": _labelled("intervals", "voice", voice_intervals),
        "melody_extraction": _labelled("f0", "pitch", lambda pitches, _: pitch_curve(pitches)),
    },
    group_of=lambda track: singer(track.track_id),
)
