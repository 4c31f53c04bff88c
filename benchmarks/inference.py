"""Compare the ways of running a network over a whole song, on held-out studio songs.

    python benchmarks/inference.py --init models/nano-fomaml --steps 100 --seeds 0 1

A start is adapted to a few songs, with the features of those that it was trained on; others are
then heard in exact windows (what `umir` does), and in overlapping ones, like the segments that the
network has learnt from. Drums are scored by F, thresholds fitted on one half of the songs and
scored on the other, both ways round; vocals by SI-SDR (dB), on songs with singing. Expected: no
difference beyond 0.02 of F and 0.05 dB.
"""

import argparse

import numpy as np
from recordings.held_out_songs import features_of, held_out_songs

from umir.adaptation.network_fitting import Recipe, adapt
from umir.adaptation.start import Start
from umir.audio import normalise_level
from umir.data.example import Example
from umir.inference import Windows, whole_song
from umir.meta import Params
from umir.program import use_compilation_cache
from umir.studio import Song
from umir.tasks import StudioSource, Task, get_task
from umir.wave_unet import Network

SONGS, SUPPORT, QUERY = 40, 5, 16
SUNG = 0.15  # RMS of the vocals over that of the mixture


def cuts(network: Network) -> dict[str, Windows]:
    """Return the ways to cut a song."""
    return {
        "exact": Windows.exact(network),
        "overlapping 1/2": Windows.overlapping(network, 6.4),
        "overlapping 3/4": Windows.overlapping(network, 6.4, 0.75),
        "overlapping 1/2, 12.8 s": Windows.overlapping(network, 12.8),
    }


def outputs(
    network: Network, params: Params, examples: list[Example], windows: Windows
) -> list[np.ndarray]:
    """Return the network's outputs for the mixtures, level undone where they are waveforms."""
    found = []
    for example in examples:
        scaled, gain = normalise_level(example.waveform)
        output = whole_song(network, params, [scaled], windows)
        found.append(output / np.float32(gain) if network.head.gives_waveforms else output)
    return found


def score(task: Task, found: list[np.ndarray], examples: list[Example], rate: int) -> float:
    """Return SI-SDR of vocal separation, or F of drums over both halves."""
    references = [example.annotation for example in examples]
    if task.head.gives_waveforms:
        estimates = [task.decode(output, task.default_settings(rate)) for output in found]
        return task.evaluate_all(references, estimates)[0]["SI-SDR"]
    scores = []
    for fitted in (0, 1):
        settings = task.fit_decoder(found[fitted::2], references[fitted::2])
        estimates = [task.decode(output, settings) for output in found[1 - fitted :: 2]]
        metrics, _ = task.evaluate_all(references[1 - fitted :: 2], estimates)
        scores.append(metrics[task.headline])
    return float(np.mean(scores))


def mixtures(task: Task, songs: list[Song]) -> list[Example]:
    """Return the examples of a task that are whole songs."""
    names = {song.name for song in songs}
    found = StudioSource(songs).examples(task)
    return [e for e in found if e.name in names or e.name.endswith("(mixture)")]


def is_sung(song: Song) -> bool:
    """Say whether singing can be heard in a song."""
    return bool(np.std(song.stems["vocals"]) > SUNG * np.std(song.mixture))


def main() -> None:
    """Parse the arguments, adapt, score, print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--init", default="models/nano-fomaml", help="model directory or scratch")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    arguments = parser.parse_args()
    use_compilation_cache()
    start = Start.load(arguments.init)
    config, body = start.config, start.body
    features = features_of(start.model)
    songs = held_out_songs(SONGS, features, rate=config.rate, channels=config.channels)
    for name in ("drum_transcription", "vocal_separation"):
        task = get_task(name)
        network = Network(config, task.head)
        chosen = [song for song in songs if name != "vocal_separation" or is_sung(song)]
        query = mixtures(task, chosen[SUPPORT : SUPPORT + QUERY])
        for seed in arguments.seeds:
            support = StudioSource(chosen[:SUPPORT]).examples(task)
            params = adapt(network, task, body, support, Recipe(arguments.steps, seed=seed))
            for way, windows in cuts(network).items():
                value = score(task, outputs(network, params, query, windows), query, config.rate)
                print(f"{name:<20} seed {seed}  {way:<24} {value:8.3f}", flush=True)


if __name__ == "__main__":
    main()
