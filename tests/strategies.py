"""Inputs that Hypothesis draws: distributions, logits, and a right word for each."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

SIZES = st.integers(1, 7)


@st.composite
def distributions(draw, size=None, smallest=0.0):
    """A distribution over `size` words; entries may be exactly 0 unless `smallest` says more."""
    size = draw(SIZES) if size is None else size
    weights = draw(
        hnp.arrays(np.float64, size, elements=st.floats(smallest, 1.0, allow_subnormal=False))
    )
    weights[draw(st.integers(0, size - 1))] += 0.5  # at least one word is possible
    return weights / weights.sum()


@st.composite
def logits(draw, size=None, bound=1e3):
    """Finite logits of one prediction."""
    size = draw(SIZES) if size is None else size
    return draw(hnp.arrays(np.float64, size, elements=st.floats(-bound, bound)))


@st.composite
def with_word(draw, rows):
    """A row drawn from `rows` and one of its words."""
    row = draw(rows)
    return row, draw(st.integers(0, row.size - 1))


@st.composite
def distribution_pairs(draw, smallest=0.0):
    """Two distributions over the same words."""
    size = draw(SIZES)
    return draw(distributions(size, smallest)), draw(distributions(size, smallest))
