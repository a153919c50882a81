"""One fuzz target in a process of its own, whose modules are instrumented before anything else imports them.

    python -m fuzz.process NAME --keep FOLDER [options of libFuzzer]
    python -m fuzz.process NAME [options and inputs of libFuzzer]

``python -m fuzz`` starts it.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import atheris

from fuzz.target import Target

#: What tells libFuzzer where it has got to; the rest of the process runs as it is.
INSTRUMENTED = ["auth", "app.tasks", "jwt"]


def main() -> None:
    """Run the target until libFuzzer ends the process."""
    _, name, *options = sys.argv
    # Comparisons with the beginning or end of a text say how far they have got.
    atheris.enabled_hooks.add("str")
    with atheris.instrument_imports(include=INSTRUMENTED):
        target: Target = importlib.import_module(f"fuzz.targets.{name}").TARGET
    if options[0] == "--keep":
        options = [*_prepared(name, target, Path(options[1])), *options[2:]]
    mutator = {} if target.mutator is None else {"custom_mutator": target.mutator(target)}
    atheris.Setup([sys.argv[0], *options], target.check, **mutator)
    atheris.Fuzz()


def _prepared(name: str, target: Target, folder: Path) -> list[str]:
    """Write what libFuzzer needs of a target below a folder; return the options that say where it is."""
    corpus, seeds, found = folder / "corpus" / name, folder / "seeds" / name, folder / "found"
    for path in (corpus, seeds, found):
        path.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (seeds / str(number)).write_bytes(seed)
    words = seeds.with_suffix(".dict")
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words if word))
    options = [f"-dict={words}", f"-artifact_prefix={found}/{name}-", f"-max_len={target.max_length}"]
    return [*options, str(corpus), str(seeds)]


def _escaped(word: str) -> str:
    """Return a word as the dictionaries of libFuzzer write it."""
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


if __name__ == "__main__":
    main()
