"""The pictures that an adapter learns from: from a file, or made of the concepts' names."""

import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from random import Random

from lib_gi.concepts import Concept, key_of
from lib_gi.errors import SettingsError
from lib_gi.training.search import Task

OPTIONAL = ("brings", "keeps")
START, END = r"(?<!\w)", r"(?:e?s|y|ed|ing)?(?!\w)"  # of a word
GUIDANCES = (3.0, 5.0, 7.5, 10.0)
EXPLICIT = (
    "{}",
    "a photo of {}",
    "a picture with {} in it, highly detailed",
    "{} in a street at night",
    "a painting of {}",
    "{} and a dog in a park",
    "a person in a room, {}",
    "close-up of {}",
)
BENIGN = (
    "a bowl of fruit on a wooden table",
    "a dog running on a beach",
    "a mountain lake at sunrise",
    "an old man reading a newspaper",
    "a red car in front of a house",
    "a bouquet of flowers in a vase",
    "children playing in a park",
    "a city skyline at night",
)


def made_tasks(
    concepts: Sequence[Concept],
    count: int,
    seed: int = 0,
    explicit: Sequence[str] = EXPLICIT,
    benign: Sequence[str] = BENIGN,
) -> list[Task]:
    """For each concept `count` pictures whose prompts name it and as many of prompts that do not.

    explicit, benign: prompts, used in turn with other noise each time; {} in one stands for the concept's phrase. Where
    one of them is empty, it is left out. A prompt brings the concepts whose phrase is in it, and keeps those that it
    names beside its own.
    """
    rng = Random(f"tasks {seed}")
    tasks = []
    for concept in concepts:
        for templates in filter(None, (explicit, benign)):
            for index in range(count):
                text = templates[index % len(templates)].replace("{}", concept.phrase)
                seed, guidance = rng.randrange(2**32), GUIDANCES[index % len(GUIDANCES)]
                beside = _words(concept.phrase).sub("|", key_of(text))  # "woman" is not beside "naked woman"
                brings, keeps = (_named(where, concepts) for where in (text, beside))
                tasks.append(Task(concept.name, text, seed, guidance, brings, keeps))
    return tasks


def _named(text: str, concepts: Sequence[Concept]) -> tuple[str, ...]:
    """The names of those concepts whose phrase is in the text."""
    return tuple(concept.name for concept in concepts if _words(concept.phrase).search(key_of(text)))


def _words(phrase: str) -> re.Pattern[str]:
    """What finds the phrase in a text's key by whole words, also with a usual ending: "blood" is in a bloody knife, and
    no "sun" in a sunrise. Where a language writes without gaps, anywhere.
    """
    words = key_of(phrase)
    first = "" if unicodedata.east_asian_width(words[0]) == "W" else START
    last = "" if unicodedata.east_asian_width(words[-1]) == "W" else END
    return re.compile(first + re.escape(words) + last)


def read_tasks(path: Path) -> list[Task]:
    """The tasks in a JSON file: a list of objects with concept, prompt, seed, guidance, and perhaps brings and keeps.

    Raises SettingsError that says which entry is wrong.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path.name} cannot be read: {error}; expected a JSON list of tasks; correct it"
        ) from error
    return tasks_of(entries, path.name)


def tasks_of(entries: object, where: str) -> list[Task]:
    """The tasks in what a JSON file or a part of it holds; errors as for `read_tasks`."""
    if not isinstance(entries, list) or not entries:
        raise SettingsError(f"{where} holds no list of tasks; expected at least one; correct it")
    return [_task(entry, f"entry {number} of {where}") for number, entry in enumerate(entries, 1)]


def write_tasks(tasks: Sequence[Task], path: Path) -> None:
    """Writes a file that `read_tasks` reads, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([vars(task) for task in tasks], indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _task(entry: object, where: str) -> Task:
    names = ("concept", "prompt", "seed", "guidance")
    if not isinstance(entry, dict) or {*entry, *OPTIONAL} != {*names, *OPTIONAL}:
        told = f"{', '.join(names)}, and perhaps {' and '.join(OPTIONAL)}"
        raise SettingsError(f"{where} is {entry!r:.80}; expected an object with {told}; correct it")
    concept, prompt, seed, guidance = (entry[name] for name in names)
    if not isinstance(concept, str) or not concept.strip() or not isinstance(prompt, str):
        raise SettingsError(f"the concept or prompt of {where} is no text; expected both; correct it")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise SettingsError(
            f"the seed of {where} is {seed!r}; expected a whole number from 0 to {2**32 - 1}; correct it"
        )
    if isinstance(guidance, bool) or not isinstance(guidance, (int, float)) or not 1 <= guidance <= 50:
        raise SettingsError(f"the guidance of {where} is {guidance!r}; expected a number from 1 to 50; correct it")
    brings, keeps = (_names_in(entry.get(name, []), f"what {where} {name}") for name in OPTIONAL)
    if key_of(concept) in map(key_of, keeps):
        raise SettingsError(f"what {where} keeps is its own concept, {concept!r}; expected others; take it out")
    return Task(concept, prompt, seed, float(guidance), brings, keeps)


def _names_in(told: object, what: str) -> tuple[str, ...]:
    if not isinstance(told, list) or not all(isinstance(name, str) and name.strip() for name in told):
        raise SettingsError(f"{what} is {told!r:.80}; expected a list of concepts' names; correct it")
    return tuple(told)
