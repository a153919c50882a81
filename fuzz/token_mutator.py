"""Changes to a token that know its three segments: one is decoded, changed, and encoded again."""

from __future__ import annotations

import random

import atheris

from fuzz.json_mutator import json_mutator
from fuzz.target import Mutator, Target
from fuzz.trusted import GENUINE, decode, encode


def token_mutator(target: Target) -> Mutator:
    """Return what changes a token: the JSON of a segment, its bytes, its order, or the text as a whole."""
    change_json = json_mutator(target)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311  # what libFuzzer repeats has to come out the same
        segments = data.decode("latin-1").split(".")
        place = chance.randrange(len(segments))
        try:
            raw = decode(segments[place])
        except ValueError:
            raw = b""
        match chance.randrange(6):
            case 0 | 1:
                segments[place] = encode(change_json(raw, max_size, seed))
            case 2:
                segments[place] = encode(bytes(atheris.Mutate(raw, max_size)))
            case 3:
                # The segment of another genuine token.
                segments[place] = chance.choice(GENUINE).split(".")[min(place, 2)]
            case 4:
                chance.shuffle(segments)
            case _:
                return bytes(atheris.Mutate(data, max_size))
        return ".".join(segments).encode("latin-1")[:max_size]

    return mutate
