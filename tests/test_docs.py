"""What README and docs say can be run: their commands parse, their links and files exist."""

import ast
import importlib
import re
import shlex
from pathlib import Path

import pytest

from umir.cli import PROGRAMS, program_module

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands():
    """Yield every `umir PROGRAM ...` and `python -m umir.PROGRAM ...` of the indented blocks."""
    for page in PAGES:
        text = page.read_text()
        for line in re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE):
            words = shlex.split(line, comments=True)
            if len(words) > 1 and Path(words[0]).name == "umir":
                yield page.name, words[1].replace("-", "_"), words[2:]
            elif words[1:2] == ["-m"] and words[2].startswith("umir."):
                yield page.name, words[2].removeprefix("umir."), words[3:]


@pytest.mark.parametrize(("page", "program", "arguments"), list(commands()), ids=str)
def test_commands_parse(page, program, arguments):
    assert program in PROGRAMS
    program_module(program).parser().parse_args(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_exist(page):
    text = page.read_text()
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    files = re.findall(r"`((?:umir|tasks|meta|wave_unet|benchmarks|tests|docs)/[\w./]*)`", text)
    files += re.findall(r"python (benchmarks/\w+\.py)", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [file for file in files if not (ROOT / file).exists()]
    assert not missing


def python_blocks(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_import_what_there_is(page):
    for code in python_blocks(page):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names)


def test_meta_learning_as_the_page_shows_it(capsys):
    (code,) = python_blocks(ROOT / "docs" / "meta.md")
    exec(compile(code, "docs/meta.md", "exec"), {"__name__": "shown"})
    before, after = map(float, capsys.readouterr().out.split(" -> "))
    assert after < before


def test_there_are_commands_to_check():
    assert len({program for _, program, _ in commands()}) >= 5
