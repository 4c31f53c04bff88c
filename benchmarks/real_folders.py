"""Builds users' folders (manifest.jsonl and annotations) from copies of public data sets.

    python benchmarks/real_folders.py RECORDINGS OUT

RECORDINGS is a folder of excerpts of public sets that we prepared, and that does not come along:

    MDBDrums               as it is; in audio/sum_of_raw/NAME_SUM.ogg the sum of a song's tracks
    MedleyDB_annotations   as it is
    MIR-1K                 Wavfile: five clips each of twelve singers, WAV or FLAC
    medley-solos-db-small  80 clips of Medley-solos-DB
    ASAP, POP909           scores and MIDI; beside them the first 40 s, rendered, as Ogg Vorbis
    free-spoken-digit, philharmonia             some of their recordings
    mirdata, madmom, libnmfd, libsoni           a few excerpts that their tests have

What is missing is left out. OUT gets one folder per task that has labels there; audio is referred
to by its absolute path where it can be used as it is. (`tempo` needs the extra `benchmarks`.)

| folder | kind | audio | group |
|---|---|---|---|
| `mdb_drums` | `events` | 7 songs, the sum of their tracks; classes KD SD HH TT CY OT | song |
| `onsets` | `events` | their drum tracks; only those have all onsets labelled | song |
| `beats` | `events` | the 7 songs; the label is the number of the beat in its bar | song |
| `tempo` | `label` | 9 recordings, each also stretched four times; beats per minute | song |
| `singing` | `intervals` | MIR-1K, 60 clips, and the 7 songs | singer |
| `melody` | `f0` | MIR-1K, voice and accompaniment together | singer |
| `mir_1k` | `stems` | MIR-1K: vocals and accompaniment | singer |
| `medley_solos` | `label` | 80 clips of 8 instruments | clip |
| `asap_rendered` | `notes` | 10 classical performances, rendered piano | composer |
| `pop909_rendered` | `notes` | 10 pop arrangements, rendered piano | song |
| `chords_rendered` | `intervals` | the same 10 | song |
| `keys_rendered` | `label` | the same 10 in twelve keys each | song |
| `spoken_digits` | `label` | 120 clips of ten digits | speaker |
| `playing_technique` | `label` | 412 notes: bowed, plucked, blown, struck | instrument and octave |
| `dynamics` | `label` | 270 notes, soft or loud, at one level | instrument |
| `onset_excerpts` | `events` | a drum loop, a band, a piano: 14 s in all | recording |
| `notes_recorded` | `notes` | a piano and a wind and string quartet: 11 s in all | recording |
| `melody_medley` | `f0` | the 7 songs, the leading line whoever has it | song |
| `mdb_stems` | `stems` | the 7 songs: bass, drums, vocals, other | song |

The last four are for `benchmarks/without_adaptation.py`, which trains on nothing.

Genre has no folder: all these recordings have is `Rock` for six of the seven songs (MedleyDB) and
the titles of a few pieces, too little to learn from and to test on.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from recordings import (
    excerpts,
    medley_solos,
    mir_1k,
    music_delta,
    philharmonia,
    rendered_piano,
    spoken_digits,
)

FOLDERS: dict[str, Callable[[Path, Path], Path]] = {
    "mdb_drums": music_delta.mdb_drums,
    "onsets": music_delta.onsets,
    "beats": music_delta.beats,
    "tempo": music_delta.tempo,
    "singing": music_delta.singing,
    "melody": mir_1k.melody,
    "mir_1k": mir_1k.mir_1k,
    "medley_solos": medley_solos.medley_solos,
    "asap_rendered": rendered_piano.asap,
    "pop909_rendered": rendered_piano.pop909,
    "chords_rendered": rendered_piano.chords,
    "keys_rendered": rendered_piano.keys,
    "spoken_digits": spoken_digits.spoken_digits,
    "playing_technique": philharmonia.playing_technique,
    "dynamics": philharmonia.dynamics,
    "onset_excerpts": excerpts.onset_excerpts,
    "notes_recorded": excerpts.notes_recorded,
    "melody_medley": music_delta.melody_medley,
    "mdb_stems": music_delta.mdb_stems,
}


def main() -> None:
    """Build all folders whose recordings are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    for name, build in FOLDERS.items():
        try:
            print(name, build(args.recordings.resolve(), args.out.resolve()))
        except FileNotFoundError as error:
            print(f"{name}: left out: {error}")
    print("genre: left out: too few recordings have a label")


if __name__ == "__main__":
    main()
