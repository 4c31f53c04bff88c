import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from umir.wave_unet.sequences.valid_lengths import ValidLengths, longest_context

LENGTHS = st.builds(
    ValidLengths,
    taps=st.sampled_from([3, 5, 7]),
    levels=st.integers(2, 6),
    depth=st.integers(1, 3),
    entry=st.integers(0, 1),
    margin=st.integers(0, 1),
    whole_cycles=st.booleans(),
)


def layer_by_layer(lengths, output):
    """Return lengths of input and output for the least bottom that gives at least `output`."""
    reach, bottom = lengths.taps - 1, 2
    while True:
        n = bottom
        for _ in range(lengths.levels - 1):
            n = 2 * (n - 1) + lengths.taps - reach - (reach - 1) - lengths.margin
            n = n - lengths.depth * reach
        if lengths.whole_cycles:
            n -= n % lengths.cycle
        if n >= max(output, lengths.cycle):
            break
        bottom += 1
    given, n = n, bottom + lengths.depth * reach
    for _ in range(lengths.levels - 1):
        n = 2 * (n - 1) + lengths.taps + lengths.depth * reach
    return n + lengths.entry * reach, given


@given(lengths=LENGTHS, output=st.integers(1, 300))
def test_lengths_are_those_found_layer_by_layer(lengths, output):
    taken, given = layer_by_layer(lengths, output)
    assert lengths.input_length(output) == taken
    assert lengths.output_length(taken) == given


@given(lengths=LENGTHS, length=st.integers(0, 500))
def test_other_lengths_raise_and_name_one_that_fits(lengths, length):
    shortest = lengths.input_length(1)
    assume(length < shortest or (length - shortest) % lengths.cycle)
    with pytest.raises(ValueError, match="use ") as error:
        lengths.output_length(length)
    named = str(error.value).split("use ")[1].split(",")[0].split(" or ")[0]
    assert lengths.output_length(int(named)) >= 1


@given(lengths=LENGTHS)
def test_no_output_sees_further_than_the_shortest_input(lengths):
    assert longest_context(lengths) <= lengths.input_length(1)


def test_no_outputs_raise():
    with pytest.raises(ValueError, match="at least one"):
        ValidLengths(3, 2, 1, 0, 1, False).input_length(0)
