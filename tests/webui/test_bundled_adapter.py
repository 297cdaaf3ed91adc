"""The bundled adapter on the model that it was trained on, in the real WebUI: it acts where something grows only."""

import json
import re

import numpy as np
from cells import PROMPT

BY_ADAPTER = {"concepts": ["beer"], "adapter": "auto"}
BENIGN = ("a car in the snow", "a cat on grass", "a ship at night", "a balloon on a beach")
SETTINGS = {"steps": 20, "cfg_scale": 4}
INFERRED = re.compile(r"Growth Inhibitors inferred: beer=([\d.]+)(?: to ([\d.]+))?")


def strengths_in(infotext: str) -> tuple[float, float]:
    """The least and the most that were inferred, over the picture's tokens."""
    low, high = INFERRED.search(infotext).groups()
    return float(low), float(high or low)


def test_auto_takes_it_and_it_infers_more_where_the_concept_is_asked_for(server):
    asked = server.draw(BY_ADAPTER, prompt=PROMPT, **SETTINGS)
    assert "adapter=auto" in asked.infotexts[0]
    most = strengths_in(asked.infotexts[0])[1]
    assert most >= 1
    benign = [strengths_in(server.draw(BY_ADAPTER, prompt=text, **SETTINGS).infotexts[0])[1] for text in BENIGN]
    assert max(benign) < most and np.median(benign) < most / 2
    assert server.left == {"modules": [], "sessions": 0}


def test_a_picture_in_which_nothing_grows_is_the_unprotected_one_bit_for_bit(server):
    still = []
    for seed in range(1, 5):
        for text in BENIGN:
            protected = server.draw(BY_ADAPTER, prompt=text, seed=seed, **SETTINGS)
            if strengths_in(protected.infotexts[0])[1] == 0:
                still.append(text)
                plain = server.draw(prompt=text, seed=seed, **SETTINGS)
                assert np.array_equal(protected.pictures, plain.pictures)
    assert still, "each of sixteen benign pictures was inhibited"


def test_each_picture_of_a_batch_is_inhibited_as_alone(server):
    together = server.draw(BY_ADAPTER, prompt=PROMPT, batch_size=2, **SETTINGS)
    assert len(together.pictures) == 2
    for number, picture in enumerate(together.pictures):
        alone = server.draw(BY_ADAPTER, prompt=PROMPT, seed=1 + number, **SETTINGS).pictures[0]
        assert np.abs(picture.astype(int) - alone).max() <= 2


def test_a_negative_prompt_changes_nothing_in_what_is_inferred(server):
    texts = [
        server.draw(BY_ADAPTER, prompt=PROMPT, negative_prompt=negative, **SETTINGS).infotexts[0]
        for negative in ("", "a cat, a car, a very long list of things that are not wanted here at all")
    ]
    assert strengths_in(texts[0]) == strengths_in(texts[1])


def test_the_status_names_it(server):
    assert "gi-tiny" in json.dumps(server.ask("/growth-inhibitors/status"))
