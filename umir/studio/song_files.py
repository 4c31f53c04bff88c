"""A song as a folder of files, and as a line of a manifest in the users' contract.

    FOLDER/mixture.flac, bass.flac, drums.flac, other.flac, vocals.flac
    FOLDER/drums.csv, onsets.csv, beats.csv, melody.csv, notes.csv
    FOLDER/chords.lab, voice.lab, lyrics.lab
    FOLDER/song.json      what is known of the song as a whole

A line of the manifest carries one annotation of every kind (`umir.data.manifest`): for `label` the
style, for `labels` the instruments, for `events` the drums, for `intervals` the chords, for `f0`
the melody, and `notes` and `stems`. The other annotations stand in it under names of their own, and
in manifests of their own (`TASK_MANIFESTS`).
"""

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from umir.audio import without_clipping, write_audio
from umir.data.annotation_files import write_annotation
from umir.data.manifest import MANIFEST_NAME
from umir.files import make_folder, write_json
from umir.studio.song import STEMS, Song

FACTS_NAME = "song.json"
# Container -> samples. FLAC with 16 bits takes a quarter of the space of WAV, which is exact.
FORMATS = {"flac": "PCM_16", "wav": "FLOAT"}
# Attribute of a song -> the file that it is written to.
_ANNOTATIONS = {
    "drums": "drums.csv",
    "onsets": "onsets.csv",
    "beats": "beats.csv",
    "chords": "chords.lab",
    "voice_activity": "voice.lab",
    "lyrics": "lyrics.lab",
    "melody": "melody.csv",
    "notes": "notes.csv",
}
# Kind of the contract -> what of a song a line of the main manifest gives for it.
_KINDS = {
    "label": "style",
    "labels": "instruments",
    "events": "drums",
    "intervals": "chords",
    "f0": "melody",
    "notes": "notes",
}
# Task whose annotation is not in the main manifest -> kind, and what of a song.
TASK_MANIFESTS = {
    "onset_detection": ("events", "onsets"),
    "beat_tracking": ("events", "beats"),
    "singing_voice_detection": ("intervals", "voice_activity"),
    "key_recognition": ("label", "key"),
    "tempo_estimation": ("label", "tempo"),
}


def write_song(folder: Path, song: Song, container: str = "flac", group: str = "") -> None:
    """Write a song, whole or not at all: its folder takes its name when all is in it.

    The stems add up to the mixture: if one of them would clip as integers, all are scaled alike.

    Args:
        folder: the folder to make; a song that is complete there already stays.
        song: the song.
        container: one of `FORMATS`.
        group: what else of the same music is called; default the song's name.

    Raises:
        OSError: other files are in the way, the disk is full or cannot be written to.
    """
    make_folder(folder.parent)
    temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    try:
        _write_audio(temporary, song, container)
        for name, file in _ANNOTATIONS.items():
            if name not in song.unknown:
                write_annotation(temporary / file, getattr(song, name))
        write_json(temporary / FACTS_NAME, song_facts(song, container, group))
        _take_place(temporary, folder)
    except OSError as error:
        # The user knows the folder, not its temporary name.
        raise OSError(error.errno, error.strerror or str(error), str(folder)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def song_facts(song: Song, container: str, group: str = "") -> dict[str, Any]:
    """Return what is known of a song as a whole, as plain data; what is unknown is left out."""
    facts = {
        "name": song.name,
        "group": group or song.name,
        "seed": song.seed,
        "seconds": song.duration,
        "style": song.style,
        "key": song.key,
        "tempo": f"{song.tempo:.2f}",
        "instruments": list(song.instruments.names),
    }
    known = {name: value for name, value in facts.items() if name not in song.unknown}
    files = {name: file for name, file in _ANNOTATIONS.items() if name not in song.unknown}
    audio = {name: f"{name}.{container}" for name in ("mixture", *STEMS)}
    return {**known, "files": files, "audio": audio}


def manifest_line(facts: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Return a song's line of the main manifest.

    Args:
        facts: what `song_facts` returned.
        folder: the song's folder as the manifest is to write it.
    """
    found = _found(facts, folder)
    kinds = {kind: found[name] for kind, name in _KINDS.items() if name in found}
    audio = {name: f"{folder}/{file}" for name, file in facts["audio"].items()}
    line = {"audio": audio.pop("mixture"), "group": facts["group"], **kinds, "stems": audio}
    others = {name: value for name, value in found.items() if name not in _KINDS.values()}
    return {**line, **others, "seed": facts["seed"]}


def manifests(lines: list[dict[str, Any]]) -> dict[str, str]:
    """Return file name -> text of the main manifest and of one for each of `TASK_MANIFESTS`."""
    texts = {MANIFEST_NAME: lines}
    for task, (kind, name) in TASK_MANIFESTS.items():
        texts[f"{task}.jsonl"] = [
            {"audio": line["audio"], "group": line["group"], kind: line[name]}
            for line in lines
            if name in line
        ]
    return {file: "".join(json.dumps(line) + "\n" for line in some) for file, some in texts.items()}


def _found(facts: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Return what is known of a song: names and numbers, and the paths of annotations."""
    whole = ("style", "key", "tempo", "instruments")
    found = {name: facts[name] for name in whole if name in facts}
    return found | {name: f"{folder}/{file}" for name, file in facts["files"].items()}


def _write_audio(folder: Path, song: Song, container: str) -> None:
    """Write the mixture and its stems."""
    waveforms = {"mixture": song.mixture, **song.stems}
    peak = max(float(np.abs(waveform).max()) for waveform in waveforms.values())
    gain = np.float32(without_clipping(peak) if FORMATS[container] != "FLOAT" else 1.0)
    for name, waveform in waveforms.items():
        path = folder / f"{name}.{container}"
        write_audio(path, gain * waveform, song.rate, FORMATS[container])


def _take_place(temporary: Path, folder: Path) -> None:
    """Give a complete folder its name, unless a process that was thought dead was faster."""
    try:
        os.rename(temporary, folder)
    except OSError:
        if not (folder / FACTS_NAME).is_file():
            raise
