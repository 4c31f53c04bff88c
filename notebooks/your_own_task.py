# ruff: noqa: D100, E402
# %% [markdown]
# # From a folder of labelled audio to a model
#
# This notebook needs nothing but `umir` and Jupyter: its audio and labels are rendered here, by the
# studio. Put a folder of your own in their place (`docs/users_folder.md` says what it holds).

# %% [settings]
from pathlib import Path

FOLDER = Path("studio_songs")  # labelled audio; rendered below if it is not there
MODEL = Path("drum_model")
TASK = "drum_transcription_5"  # kick, snare, hi-hat, tom, cymbals
HOURS = 0.1  # of music to render: 15 songs
START = {"init": "umir-nano"}  # or another that `umir models` lists, a directory, or "scratch"
CHOICES = {}  # {"steps": 100, "learning_rate": 1e-3} to choose yourself

# %% [markdown]
# ## A folder
#
# Each line of a manifest names an audio file, its annotation, and the group (song, artist, singer)
# that must not be both learnt from and tested on. Here a line has annotations of several kinds, of
# which the task reads its own: `events`, the hits of the drums.

# %%
import json

from umir.cli import main as umir

DATA = FOLDER / "manifest.jsonl"
if not DATA.exists():
    umir(["studio", "render", "--hours", str(HOURS), "--out", str(FOLDER)])
lines = DATA.read_text().splitlines()
first = json.loads(lines[0])
print(f"{len(lines)} songs; of the first: {first['audio']}, {first['group']}, {first['events']}")

# %% [markdown]
# ## A model
#
# The learning rate, the number of steps and the step to keep are chosen on validation songs. The
# scores are those of the test songs, which the model has never heard.

# %%
from umir.fine_tuning import finetune

model, scores = finetune(DATA, task=TASK, **START, **CHOICES, progress=False)
search = model.facts["search"]
print(f"rate {search['learning_rate']:g}, step {search['step']} of {search['steps']}:", end=" ")
print(search["stopped"])
for name, value in scores.items():
    print(f"{name:<24} {value:.3f}")

# %% [markdown]
# `umir-nano` knows three kinds of drums, not these five, so that the head begins afresh on a body
# that has heard drums. What the body is worth shows beside the same network from scratch, with the
# same search. (Of a task that the start has a head for, as beats, the head goes on, and the weights
# go halfway from the start's to those that are learnt; `umir finetune --compare` shows what it said
# before.)

# %%
scratch, beside = finetune(
    DATA, task=TASK, init="scratch", config=model.network.config, **CHOICES, progress=False
)
print(f"{'':<24} {START['init']:>12} {'scratch':>12}")
for name, value in scores.items():
    print(f"{name:<24} {value:>12.3f} {beside[name]:>12.3f}")

# %% [markdown]
# The validation losses of both at each rate that was tried; circles are what is kept.

# %%
from matplotlib import pyplot as plt

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for label, made, color in ((START["init"], model, "tab:blue"), ("scratch", scratch, "tab:red")):
    found = made.facts["search"]
    for losses in found["tried"].values():
        steps = [int(step) for step in losses]
        axes.plot(steps, list(losses.values()), marker=".", color=color, alpha=0.6)
    axes.plot(found["step"], found["validation_loss"], "o", color=color, markersize=9, label=label)
axes.set(xlabel="steps", ylabel="validation loss")
axes.legend()
plt.show()

# %% [markdown]
# ## Predictions
#
# A model directory loads without any flags; `umir predict --model` uses it from the command line.

# %%
from umir import TaskModel
from umir.user_data import read_user_data

model.save(MODEL, card=f"# {TASK}\n\nMade by notebooks/your_own_task.ipynb.\n")
loaded = TaskModel.load(MODEL)
test = read_user_data(DATA, loaded.network.config, TASK).test
song = test[0]
estimate = loaded.predict(song.waveform, song.rate)
print(f"{song.name}: {len(estimate.times)} found, {len(song.annotation.times)} labelled")

# %%
figure, axes = plt.subplots(figsize=(8, 2.5), layout="constrained")
step = song.rate // 100
axes.plot([n / song.rate for n in range(0, len(song.waveform), step)], song.waveform[::step, 0])
axes.vlines(song.annotation.times, 0, 1, color="black", label="labelled")
axes.vlines(estimate.times, -1, 0, color="tab:red", label="found")
axes.set(xlabel="s", xlim=(0, min(12, song.duration)), ylim=(-1, 1))
axes.legend(loc="upper right")
plt.show()
