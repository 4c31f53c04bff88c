"""`umir PROGRAM ...`: finds the program and hands over the arguments.

Each program is a module with `main(argv) -> exit status`, so `umir finetune` is also
`python -m umir.finetune`.
"""

import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from umir import __version__
from umir.huge_pages import begin_again_with_huge_pages
from umir.program import as_typed, module_name

PROGRAMS = {
    "meta_train": "meta-train one network over several tasks",
    "finetune": "adapt a network to your own labelled audio",
    "evaluate": "score a model on labelled audio",
    "predict": "write a model's predictions for audio files",
    "separate": "split songs into stems",
    "models": "list the models that umir brings along",
    "studio": "render songs with all labels",
    "data": "list public data sets, download one",
    "doctor": "print what is installed and what is missing",
    "separate_train": "train a published separator on songs with stems",
    "sequences": "train a Seq-U-Net, TCN or WaveNet on sequences, generate with it",
    "import_torch": "make a model of a checkpoint of the PyTorch Wave-U-Net",
    "release": "make a small, checked copy of a model to ship",
}
TRAINING_PROGRAMS = ("meta_train", "finetune", "separate_train", "sequences")
# Programs whose module would have the name of a package.
_MODULES = {"data": "data_command", "studio": "studio_command"}


def program_module(name: str) -> ModuleType:
    """Return the module of a program: its `parser` and `main`."""
    return importlib.import_module(f"umir.{_MODULES.get(name, name)}")


def _usage() -> str:
    width = max(map(len, PROGRAMS))
    lines = [f"  {as_typed(name):<{width}}  {text}" for name, text in PROGRAMS.items()]
    return "\n".join(
        [
            "usage: umir PROGRAM [options]        (umir PROGRAM --help lists the options)",
            "",
            "One small network on raw waveforms for tasks of music information retrieval.",
            "",
            *lines,
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run `umir` with these arguments and return the exit status."""
    name, *rest = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name == "--version":
        print(f"umir {__version__}")
        return 0
    program = module_name(name)
    if program not in PROGRAMS:
        known = ", ".join(map(as_typed, PROGRAMS))
        print(f"umir: no program {name!r}: choose from {known}", file=sys.stderr)
        return 2
    if argv is None and program in TRAINING_PROGRAMS:
        begin_again_with_huge_pages()
    return program_module(program).main(rest)


if __name__ == "__main__":
    sys.exit(main())
