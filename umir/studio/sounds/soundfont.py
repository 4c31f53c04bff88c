"""SoundFont 2 files: presets, zones and samples, read with numpy alone.

A SoundFont holds recorded notes ("samples") and tables that say which of them sounds for a preset
(bank, program), a key and a velocity, and how: tuning, loop, loudness envelope. This module reads
those tables and hands out `Zone` objects; `umir.studio.sounds.sampler` plays them. Only the
generators that the sampler uses are kept.

Reference:
    SoundFont Technical Specification 2.04, sections 4 to 8 (file layout, generators, units).
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import Int

_PRESET = np.dtype(
    [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("_", "<u4", 3)]
)
_INSTRUMENT = np.dtype([("name", "S20"), ("bag", "<u2")])
_BAG = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
_GENERATOR = np.dtype([("kind", "<u2"), ("amount", "<i2")])
_SAMPLE = np.dtype(
    [
        ("name", "S20"),
        ("start", "<u4"),
        ("end", "<u4"),
        ("loop_start", "<u4"),
        ("loop_end", "<u4"),
        ("rate", "<u4"),
        ("key", "u1"),
        ("correction", "i1"),
        ("link", "<u2"),
        ("kind", "<u2"),
    ]
)
# Generator numbers of section 8.1.2, for those that are read.
_COARSE = {0: "start", 1: "end", 2: "loop_start", 3: "loop_end"}
_COARSE_32768 = {4: "start", 12: "end", 45: "loop_start", 50: "loop_end"}
_INSTRUMENT_LINK, _SAMPLE_LINK, _KEY_RANGE, _VELOCITY_RANGE = 41, 53, 43, 44
_CUTOFF, _OPENING, _HOLD, _DECAY, _SUSTAIN, _RELEASE = 8, 11, 35, 36, 37, 38
_ATTENUATION, _COARSE_TUNE, _FINE_TUNE, _MODES, _SCALE, _ROOT = 48, 51, 52, 54, 56, 58
_COMPRESSED = 0x10  # a sample type beyond the specification: Ogg Vorbis
_DEFAULTS = {_CUTOFF: 13500, _HOLD: -12000, _DECAY: -12000, _RELEASE: -12000, _SCALE: 100}


@dataclass(frozen=True)
class Zone:
    """One sample and how it is to be played.

    Attributes:
        samples: the recording, shape `(time,)`, 16-bit.
        rate: its sampling rate in Hz.
        loop: first and last position (samples) of the sustaining loop, or None.
        keys: lowest and highest MIDI key for which the zone sounds.
        velocities: lowest and highest MIDI velocity.
        root: the MIDI pitch, with fraction, at which the recording sounds unchanged.
        scale: semitones per key (1, or 0 for sounds without pitch).
        attenuation: dB by which it is to be turned down.
        cutoff: low-pass frequency in Hz, where its own envelope opens it furthest.
        hold: seconds at full level after the attack.
        decay: seconds for 100 dB of decay.
        sustain: level in dB below full at which the decay ends.
        release: seconds for 100 dB of decay after the key is let go.
    """

    samples: Int[np.ndarray, " time"]
    rate: int
    loop: tuple[int, int] | None
    keys: tuple[int, int]
    velocities: tuple[int, int]
    root: float
    scale: float
    attenuation: float
    cutoff: float
    hold: float
    decay: float
    sustain: float
    release: float


class SoundFont:
    """A SoundFont 2 file.

    Args:
        path: the `.sf2` file.

    Raises:
        FileNotFoundError: there is no such file.
        IsADirectoryError: it is a folder.
        ValueError: the file is not a SoundFont 2 file, is cut short or damaged, or its samples are
            compressed.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        content = self.path.read_bytes()
        if content[:4] != b"RIFF" or content[8:12] != b"sfbk":
            raise ValueError(f"{path}: not a SoundFont 2 file (no RIFF sfbk header)")
        expected = 8 + int.from_bytes(content[4:8], "little")
        if len(content) < expected:
            raise ValueError(
                f"{path}: cut short, {len(content)} of {expected} bytes are there: get it again"
            )
        chunks = _chunks(content)
        missing = {b"smpl", b"phdr", b"pbag", b"pgen", b"inst", b"ibag", b"igen", b"shdr"} - set(
            chunks
        )
        if missing:
            raise ValueError(f"{path}: cut short, chunk {sorted(missing)[0].decode()} is missing")
        self._pcm = np.frombuffer(chunks[b"smpl"], "<i2", len(chunks[b"smpl"]) // 2)
        self._presets = _records(chunks[b"phdr"], _PRESET)
        self._preset_bags = _records(chunks[b"pbag"], _BAG)
        self._preset_generators = _records(chunks[b"pgen"], _GENERATOR)
        self._instruments = _records(chunks[b"inst"], _INSTRUMENT)
        self._bags = _records(chunks[b"ibag"], _BAG)
        self._generators = _records(chunks[b"igen"], _GENERATOR)
        self._headers = _records(chunks[b"shdr"], _SAMPLE)
        if (self._headers["kind"] & _COMPRESSED).any():
            raise ValueError(f"{path}: its samples are compressed (.sf3): convert it to .sf2")

    @property
    def presets(self) -> dict[tuple[int, int], str]:
        """Name of each preset by `(bank, program)`."""
        return {
            (int(row["bank"]), int(row["program"])): row["name"].split(b"\0")[0].decode("latin-1")
            for row in self._presets[:-1]
        }

    def zones(self, bank: int, program: int) -> tuple[Zone, ...]:
        """Return the zones of a preset.

        Raises:
            ValueError: the SoundFont has no such preset, or its tables or samples are damaged.
        """
        rows = self._presets[:-1]
        found = np.flatnonzero((rows["bank"] == bank) & (rows["program"] == program))
        if not len(found):
            raise ValueError(
                f"{self.path}: the SoundFont has no preset with bank {bank} and program {program}"
            )
        try:
            zones = self._preset_zones(int(found[0]))
        except IndexError as error:
            raise ValueError(
                f"{self.path}: damaged, preset {bank}:{program} points outside its tables"
            ) from error
        sounding = tuple(zone for zone in zones if len(zone.samples) and zone.rate)
        if not sounding:
            raise ValueError(f"{self.path}: preset {bank}:{program} has no samples")
        return sounding

    def _preset_zones(self, index: int) -> list[Zone]:
        """Return the zones of a preset by its place in the file."""
        zones: list[Zone] = []
        for offsets in _bag_zones(self._presets, self._preset_bags, self._preset_generators, index):
            if _INSTRUMENT_LINK in offsets:
                zones.extend(self._instrument_zones(offsets))
        return zones

    def _instrument_zones(self, offsets: dict[int, int]) -> list[Zone]:
        """Return the zones of the instrument that a preset zone points to, with its offsets."""
        bags = _bag_zones(
            self._instruments, self._bags, self._generators, offsets[_INSTRUMENT_LINK]
        )
        return [self._zone(values, offsets) for values in bags if _SAMPLE_LINK in values]

    def _zone(self, values: dict[int, int], offsets: dict[int, int]) -> Zone:
        """Put one zone together: instrument values, plus preset offsets, plus the sample header."""

        def value(kind: int) -> int:
            return values.get(kind, _DEFAULTS.get(kind, 0)) + offsets.get(kind, 0)

        header = self._headers[values[_SAMPLE_LINK]]
        position = {name: int(header[name]) for name in _COARSE.values()}
        for kind, name in _COARSE.items():
            position[name] += values.get(kind, 0)
        for kind, name in _COARSE_32768.items():
            position[name] += 32768 * values.get(kind, 0)
        start, end = position["start"], position["end"]
        loop = (position["loop_start"] - start, position["loop_end"] - start)
        looped = value(_MODES) in (1, 3) and 0 <= loop[0] < loop[1] <= end - start
        root = values.get(_ROOT, -1)
        root = root if root >= 0 else int(header["key"])
        cents = 100 * value(_COARSE_TUNE) + value(_FINE_TUNE) + int(header["correction"])
        return Zone(
            samples=self._pcm[start:end],
            rate=int(header["rate"]),
            loop=loop if looped else None,
            keys=_both(_range(values, _KEY_RANGE), _range(offsets, _KEY_RANGE)),
            velocities=_both(_range(values, _VELOCITY_RANGE), _range(offsets, _VELOCITY_RANGE)),
            root=root - cents / 100,
            scale=value(_SCALE) / 100,
            attenuation=0.4 * value(_ATTENUATION) / 10,  # as hardware plays it, not as specified
            cutoff=8.176 * 2 ** ((value(_CUTOFF) + max(value(_OPENING), 0)) / 1200),
            hold=2 ** (value(_HOLD) / 1200),
            decay=2 ** (value(_DECAY) / 1200),
            sustain=min(max(value(_SUSTAIN) / 10, 0.0), 100.0),
            release=2 ** (value(_RELEASE) / 1200),
        )


def default_soundfont() -> Path:
    """Return the path of the SoundFont that the package pretty_midi brings.

    Raises:
        FileNotFoundError: pretty_midi is not installed, or came without its SoundFont.
    """
    spec = find_spec("pretty_midi")  # found, not imported: only its data file is wanted
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder) / "TimGM6mb.sf2"
        if path.is_file():
            return path
    raise FileNotFoundError("TimGM6mb.sf2 is missing: install pretty_midi, which brings it")


def _chunks(content: bytes) -> dict[bytes, memoryview]:
    """Return the chunks inside the LISTs of a RIFF file by their four-letter name."""
    view, found, position = memoryview(content), {}, 12
    while position + 8 <= len(view):
        name = bytes(view[position : position + 4])
        size = int.from_bytes(view[position + 4 : position + 8], "little")
        if name == b"LIST":
            position += 12  # step into the list
            continue
        found[name] = view[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
    return found


def _records(chunk: memoryview, dtype: np.dtype) -> np.ndarray:
    """Read a chunk as a table of records."""
    return np.frombuffer(chunk, dtype, len(chunk) // dtype.itemsize)


def _bag_zones(
    owners: np.ndarray, bags: np.ndarray, generators: np.ndarray, index: int
) -> list[dict[int, int]]:
    """Return the generators of each zone of a preset or instrument; a first global zone is merged.

    A zone without a link to an instrument or sample, if first, holds defaults for the others.
    """
    zones: list[dict[int, int]] = []
    shared: dict[int, int] = {}
    first, last = int(owners[index]["bag"]), int(owners[index + 1]["bag"])
    for bag in range(first, last):
        rows = generators[int(bags[bag]["generator"]) : int(bags[bag + 1]["generator"])]
        values = {int(row["kind"]): int(row["amount"]) for row in rows}
        if bag == first and not {_INSTRUMENT_LINK, _SAMPLE_LINK} & set(values):
            shared = values
        else:
            zones.append({**shared, **values})
    return zones


def _range(values: dict[int, int], kind: int) -> tuple[int, int]:
    """Read a generator that holds two bytes: the low and the high end of a range."""
    amount = values.get(kind, 127 << 8) & 0xFFFF
    return amount & 0xFF, amount >> 8


def _both(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    """Return where two ranges overlap."""
    return max(first[0], second[0]), min(first[1], second[1])
