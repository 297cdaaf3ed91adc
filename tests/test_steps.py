"""First and last step against the steps that a pass has."""

import pytest

from lib_gi.errors import StepRangeError
from lib_gi.steps import check_steps


@pytest.mark.parametrize("first, last", [(0, None), (0, 0), (2, None), (0, 2), (2, 2)])
def test_steps_of_the_pass_are_taken_with_its_last_one(first, last):
    check_steps(first, last, 3)


@pytest.mark.parametrize("open_end", [False, True])
def test_a_first_step_past_the_end_is_always_refused(open_end):
    with pytest.raises(StepRangeError, match="first_step is 3.* steps 0 to 2.*lower first_step"):
        check_steps(3, 9, 3, open_end=open_end)


def test_a_last_step_past_the_end_is_refused_unless_the_end_is_open():
    with pytest.raises(StepRangeError, match="last_step is 3.* steps 0 to 2.*leave last_step out.*or lower it"):
        check_steps(0, 3, 3)
    check_steps(0, 3, 3, open_end=True)


def test_the_message_has_the_names_that_the_user_knows():
    with pytest.raises(StepRangeError, match="^--last-step is 8.*leave --last-step out"):
        check_steps(0, 8, 3, names=("--first-step", "--last-step"))
