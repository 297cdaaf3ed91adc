"""Pictures that an extension draws inside one of the user's, as those do that repair faces, or in its place."""

import pytest
from cells import GI, PROMPT, said_by, wanting
from test_scripts import AXIS, plot

from tools.webui_server import Refused

NOTHING = {"modules": [], "sessions": 0}
INSIDE = ("no scripts", "scripts without ours", "a form unticked", "a copy without scripts")


@pytest.fixture(scope="module")
def usual(server):
    """Two pictures without and with."""
    return server.draw(prompt=PROMPT, n_iter=2), server.draw(GI, prompt=PROMPT, n_iter=2)


@pytest.mark.parametrize("inside", INSIDE)
def test_it_is_inhibited_as_the_picture_in_whose_place_it_comes_and_that_goes_on_as_ever(server, usual, inside):
    off, on = usual
    with wanting(server, inside=inside):
        assert server.draw(GI, prompt=PROMPT, n_iter=2).same(on)
        assert server.left == NOTHING
        assert server.draw(prompt=PROMPT, n_iter=2).same(off), "nobody asked for it here"
    assert server.draw(prompt=PROMPT, n_iter=2).same(off) and server.draw(GI, prompt=PROMPT, n_iter=2).same(on)


@pytest.mark.parametrize("inside", INSIDE)
def test_all_its_steps_are_inhibited_whichever_those_of_the_picture_are(server, usual, inside):
    with wanting(server, inside=inside):
        assert server.draw(GI | {"first_step": 6}, prompt=PROMPT, n_iter=2).same(usual[1])


def test_in_a_plot_it_is_inhibited_as_its_cell(server):
    with wanting(server, inside="no scripts"):
        cells = plot(server, GI, AXIS + "Strength", "0, 1, 4")
    for cell, strength in zip(cells, (0, 1, 4)):
        assert (cell == server.draw(GI | {"strength": strength}, prompt=PROMPT).pictures[0]).all()


def test_what_a_script_draws_in_the_place_of_the_users_own_is_inhibited_by_the_form(server):
    instead = {"prompt": PROMPT, "script_name": "Instead", "script_args": []}
    off, on = server.draw(prompt=PROMPT), server.draw(GI, prompt=PROMPT)
    assert server.draw(**instead).same(off)
    assert server.draw(GI, **instead).same(on)
    with pytest.raises(Refused, match="Did you mean 'beer'"):
        server.draw({"concepts": ["beeer"]}, **instead)
    assert server.draw(**instead).same(off)


def test_after_a_generation_that_failed_the_next_one_inherits_nothing(server, usual):
    with wanting(server, raise_at=3), pytest.raises(Refused, match="an error on purpose"):
        server.draw(GI, prompt=PROMPT)
    with wanting(server, inside="no scripts"), said_by(server) as said:
        assert server.draw(prompt=PROMPT, n_iter=2).same(usual[0])
    assert not said and server.left == NOTHING
