"""The ids of blocks: which of all that are staged belong to a fetch."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Overtaken
from shared.storage.blocks import MOST_BLOCKS, Part, Staged, ids_of, number_of


def test_all_ids_are_of_the_length_that_release_0_1_had() -> None:
    """Azure wants one length in a blob, and its blocks may still be there."""
    part = Part.after(Staged())
    ids = {part.block_id(number) for number in (0, 1, 50_000, (1 << 24) - 1)}
    assert {len(block_id) for block_id in ids} == {len(f"{'a' * 16}-00000")}
    assert len(ids) == 4


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=20))
def test_the_blocks_of_a_chain_are_found_in_order_and_no_others(
    parts: list[tuple[int, int]],
) -> None:
    """Each part stages some blocks that count and some that do not; others go on from the same place."""
    staged, expected, uncommitted = Staged(), [], []
    for counted, beyond in parts:
        part, other = Part.after(staged), Part.after(staged)
        ids = [part.block_id(staged.end + n) for n in range(counted + beyond)]
        expected += ids[:counted]
        uncommitted += [*reversed(ids), *(other.block_id(staged.end + n) for n in range(3))]
        staged = part.with_block(staged, blocks=counted, end=staged.end + counted)
    assert ids_of(staged, uncommitted) == expected
    with pytest.raises(Overtaken):
        ids_of(staged, uncommitted[:0])
    lost = [block_id for block_id in uncommitted if block_id != expected[0]]
    with pytest.raises(Overtaken):
        ids_of(staged, lost)


def test_a_chain_of_as_many_parts_as_a_blob_has_blocks_is_followed() -> None:
    """A fetch that stages one block with each of 50,000 messages: what they carry stays of one size."""
    staged, uncommitted = Staged(), []
    for number in range(MOST_BLOCKS):
        part = Part.after(staged)
        uncommitted.append(part.block_id(number))
        staged = part.with_block(staged, blocks=1, end=number + 1)
    assert ids_of(staged, reversed(uncommitted)) == uncommitted
    assert len(str(staged)) < 100


def test_blocks_that_lead_in_a_circle_are_not_followed() -> None:
    """Ids are data from storage: two parts that each follow the other have no beginning."""
    one, other = Part("bb" * 5, 0, "aa" * 5), Part("aa" * 5, 0, "bb" * 5)
    ids = [one.block_id(0), other.block_id(0), other.block_id(1)]
    with pytest.raises(Overtaken):
        ids_of(Staged("aa" * 5, 5, 3), ids)


@given(st.text(max_size=30) | st.binary(max_size=16).map(lambda b: base64.b64encode(b).decode()))
def test_any_id_of_another_tool_is_told_from_ours(block_id: str) -> None:
    """It has a number of some kind, and belongs to no fetch."""
    assert number_of(block_id) is not None
    assert ids_of(Staged(), [block_id]) == []
