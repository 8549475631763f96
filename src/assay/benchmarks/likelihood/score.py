"""From log-likelihoods to scores: which option is likeliest, and how many bits the gold answer costs.

Everything is computed from the calls of one trajectory, so that the normalisations differ in nothing
but their arithmetic. With l_i the sum of the log-probabilities of option i's tokens, in nats:

    raw    l_i                             char   l_i / characters of the option
    token  l_i / tokens of the option      pmi    l_i - l_i without the question

as in OLMES (arXiv 2406.08446). Bits per byte are -l / (ln 2 x bytes of the gold answer in UTF-8). The
space before an option belongs to its probability and not to its length. A token that the server gave no
number for makes the sample ``judge_failed``: it says nothing about the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, fsum, log
from typing import Literal, NamedTuple

from assay.benchmarks.likelihood.forms import Form, continuations, right_option
from assay.records import Call, Outcome, Sample, Score, Trajectory
from assay.scoring.choice import LETTERS
from assay.task import Scorer

Normalise = Literal["raw", "char", "token", "pmi"]


class _Likelihood(NamedTuple):
    nats: float
    """Log-probability, so at most 0."""
    tokens: int
    greedy: bool | None


def option_scorer(form: Form, normalise: Normalise) -> Scorer:
    """Score 1 where the gold option is the likeliest; of equally likely ones the first counts as chosen.

    ``values`` has the verdict under every normalisation (``acc_raw``, ``acc_char`` ...; for letters, which are
    all alike in length, ``acc_raw`` only), ``p_gold``, the gold option's share of the options' raw probability,
    ``margin``, how far it lies above the best other one on the chosen scale, and ``greedy``, whether greedy
    decoding would give it, where the server says so.
    """

    def score(sample: Sample, trajectory: Trajectory) -> Score:
        options = continuations(form, sample)
        found = _all(trajectory.calls)
        if found is None:
            return _no_numbers()
        asked = found[: len(options)]
        scales = _scales(form, options, asked, found[len(options) :])
        right = right_option(sample)
        values = {f"acc_{name}": float(_best(scale) == right) for name, scale in scales.items()}
        chosen = scales[normalise]
        best = _best(chosen)
        values["p_gold"] = _share(scales["raw"], right)
        values["margin"] = chosen[right] - max(x for at, x in enumerate(chosen) if at != right)
        if (greedy := asked[right].greedy) is not None:
            values["greedy"] = float(greedy)
        explanation = (
            f"{normalise}: {LETTERS[best]} at {chosen[best]:.3f}, gold {LETTERS[right]} at {chosen[right]:.3f}"
        )
        trace = {name: [round(x, 6) for x in scale] for name, scale in scales.items()}
        return Score(Outcome.SCORED, values[f"acc_{normalise}"], LETTERS[best], explanation, trace, values)

    return score


def bits_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """Score the bits per byte of the gold answer: 0 and more, lower is better."""
    (answer,) = continuations("bpb", sample)
    found = _all(trajectory.calls)
    if found is None:
        return _no_numbers()
    ((nats, tokens, greedy),) = found
    size = len(answer.encode("utf-8", "surrogatepass"))
    value = -nats / (log(2) * size)
    values = {} if greedy is None else {"greedy": float(greedy)}
    explanation = f"{-nats:.3f} nats over {tokens} tokens, {size} bytes"
    return Score(Outcome.SCORED, value, answer, explanation, {"nats": -nats, "tokens": tokens, "bytes": size}, values)


def _all(calls: Sequence[Call]) -> list[_Likelihood] | None:
    """The calls' log-likelihoods, if each token has one."""
    found = []
    for call in calls:
        logprobs = [token.logprob for token in call.response.logprobs or ()]
        known = [value for value in logprobs if value is not None]
        if not known or len(known) < len(logprobs):
            return None
        found.append(_Likelihood(fsum(known), len(known), call.response.greedy))
    return found


def _no_numbers() -> Score:
    return Score(Outcome.JUDGE_FAILED, explanation="the server gave no log-probability for some of the tokens")


def _scales(
    form: Form, options: Sequence[str], asked: Sequence[_Likelihood], alone: Sequence[_Likelihood]
) -> dict[str, list[float]]:
    """Each normalisation's numbers, one an option; the highest is the model's choice."""
    scales = {"raw": [option.nats for option in asked]}
    if form == "cloze":
        scales["char"] = [option.nats / len(text) for option, text in zip(asked, options, strict=True)]
        scales["token"] = [option.nats / option.tokens for option in asked]
        scales["pmi"] = [option.nats - without.nats for option, without in zip(asked, alone, strict=True)]
    return scales


def _best(scale: Sequence[float]) -> int:
    return max(range(len(scale)), key=scale.__getitem__)


def _share(nats: Sequence[float], at: int) -> float:
    """The softmax at one place."""
    return exp(nats[at] - max(nats)) / fsum(exp(x - max(nats)) for x in nats)
