"""Row maps: each order of rows, and what does not add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_gi.errors import RowCountError
from lib_gi.rows import RowCounter, RowMap

COUNTS = st.integers(1, 9)
MAPS = st.lists(st.none() | st.integers(0, 5), min_size=1, max_size=20).map(lambda rows: RowMap(tuple(rows)))


def test_diffusers_puts_the_negative_prompts_first():
    assert RowMap.guided(4).images == (None, None, 0, 1)


def test_the_other_order_puts_them_last():
    assert RowMap.guided(4, cond_first=True).images == (0, 1, None, None)


def test_without_guidance_every_row_is_conditional():
    assert RowMap.all_conditional(3).images == (0, 1, 2)


def test_edit_models_have_two_unconditional_rows_per_image():
    assert RowMap.edit(6).images == (0, 1, None, None, None, None)


def test_and_prompts_give_an_image_several_conditional_rows():
    assert RowMap.grouped([2, 1, 3], 3).images == (0, 0, 1, 2, 2, 2, None, None, None)
    assert RowMap.grouped([2, 1], 0).images == (0, 0, 1)


@pytest.mark.parametrize(
    "flags, rows, images",
    [
        ([1, 0], 4, (None, None, 0, 1)),
        ([0, 1], 4, (0, 1, None, None)),
        ([0], 2, (0, 1)),
        ([1], 2, (None, None)),
        ([1, 0, 0], 6, (None, None, 0, 1, 0, 1)),
    ],
)
def test_forge_states_the_order_of_its_blocks(flags, rows, images):
    assert RowMap.from_cond_or_uncond(flags, rows).images == images


@pytest.mark.parametrize(
    "make",
    [
        lambda: RowMap.guided(3),
        lambda: RowMap.guided(0),
        lambda: RowMap.all_conditional(0),
        lambda: RowMap.edit(4),
        lambda: RowMap.grouped([1, 0], 2),
        lambda: RowMap.grouped([1], -1),
        lambda: RowMap.from_cond_or_uncond([], 2),
        lambda: RowMap.from_cond_or_uncond([0, 2], 2),
        lambda: RowMap.from_cond_or_uncond([0, 1], 3),
        lambda: RowMap((0, -1)),
        lambda: RowMap((True,)),
    ],
)
def test_counts_that_do_not_add_up_are_refused_with_what_was_expected(make):
    with pytest.raises(RowCountError, match="expected"):
        make()


@given(MAPS)
def test_the_conditional_rows_are_those_with_an_image(rows):
    assert [rows.images[r] for r in rows.conditional] == list(rows.image_of_conditional)
    assert len(rows.conditional) + rows.images.count(None) == len(rows)
    assert all(image < rows.image_count for image in rows.image_of_conditional)


@given(COUNTS, st.booleans())
def test_guidance_gives_each_image_one_row_of_each_kind(images, cond_first):
    rows = RowMap.guided(2 * images, cond_first)
    assert rows.image_of_conditional == tuple(range(images))
    assert rows.images.count(None) == images
    assert (rows.images[0] is not None) == cond_first


@given(st.lists(COUNTS, min_size=1, max_size=6), st.integers(0, 6))
def test_grouped_rows_keep_images_together_and_in_order(cond, uncond):
    rows = RowMap.grouped(cond, uncond)
    assert len(rows) == sum(cond) + uncond
    assert [rows.images.count(i) for i in range(len(cond))] == cond
    assert list(rows.image_of_conditional) == sorted(rows.image_of_conditional)


@given(st.lists(st.sampled_from([0, 1]), min_size=1, max_size=5), COUNTS)
def test_forge_flags_and_rows_agree(flags, images):
    rows = RowMap.from_cond_or_uncond(flags, images * len(flags))
    for i, flag in enumerate(flags):
        block = rows.images[i * images : (i + 1) * images]
        assert block == ((None,) * images if flag else tuple(range(images)))


@given(MAPS, st.data())
def test_calls_in_a_row_share_out_the_joint_map(rows, data):
    counter, parts = RowCounter(rows), []
    while counter.left:
        parts.append(counter.take(data.draw(st.integers(1, counter.left))))
    assert RowMap.concatenated(parts) == rows
    with pytest.raises(RowCountError, match="expected"):
        counter.take(1)


@given(MAPS)
def test_a_call_with_more_rows_than_are_left_is_refused(rows):
    counter = RowCounter(rows)
    counter.take(len(rows))
    counter.reset(rows)
    with pytest.raises(RowCountError, match="announced"):
        counter.take(len(rows) + 1)
    assert counter.take(len(rows)) == rows
