"""Strategies for records with hostile text in every place that text can be."""

from __future__ import annotations

from hypothesis import strategies as st

from assay.records import (
    CallError,
    Message,
    Outcome,
    Request,
    Response,
    Sample,
    Sampling,
    Score,
    Timing,
    TokenLogprob,
    ToolCall,
    Usage,
)
from assay.store.journal import CallLine, SampleLine, ScoreLine

hostile = st.sampled_from(
    [
        "\ud800",
        "a\udfffb",
        "\x00",
        "line\u2028sep\u2029",
        "\u202eevil\u202c",
        "\r\n",
        '"\\ud800"',
        "\U0001f600",
        "\x85",
        "",
    ]
)
text = st.one_of(hostile, st.text(max_size=40), st.tuples(hostile, st.text(max_size=10)).map("".join))
finite = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | finite
number = st.none() | st.integers(0, 2**40)
json_value = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | finite | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
tool_calls = st.lists(st.builds(ToolCall, text, text, text), max_size=2).map(tuple)
messages = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant"]), text, tool_calls), min_size=1, max_size=3
).map(tuple)

samples = st.builds(
    SampleLine,
    st.builds(
        Sample,
        text,
        text | messages,
        text | st.lists(text, min_size=2, max_size=3).map(tuple),
        st.lists(text, max_size=3).map(tuple),
        st.dictionaries(text, json_value, max_size=3),
    ),
)
calls = st.builds(
    CallLine,
    text,
    st.integers(1, 9),
    st.integers(0, 9),
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.builds(Request, text, messages, st.none() | text, sampling=st.builds(Sampling, number, maybe)),
    st.builds(
        Response,
        text,
        st.none() | text,
        tool_calls,
        st.none() | text,
        st.none() | st.builds(Usage, st.integers(0, 99), number, number, number),
        st.none() | st.builds(Timing, finite, finite, maybe, st.integers(1, 9), finite),
        st.none() | st.lists(st.builds(TokenLogprob, text, maybe), max_size=2).map(tuple),
        st.none() | st.booleans(),
        st.none() | text,
        st.none() | st.builds(CallError, text, text, st.sampled_from(Outcome), st.none() | st.integers(400, 599)),
    ),
)
scores = st.builds(
    ScoreLine,
    text,
    st.integers(1, 9),
    st.integers(0, 9),
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.builds(
        Score,
        st.sampled_from(Outcome),
        maybe,
        st.none() | text,
        st.none() | text,
        st.dictionaries(text, json_value, max_size=2),
        st.dictionaries(text, finite, max_size=2),
    ),
    st.none() | messages,
)
lines = samples | calls | scores
