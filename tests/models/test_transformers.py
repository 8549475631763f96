"""Models of Hugging Face transformers: tiny random ones, against a log-softmax written out by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from assay.errors import BadRequest, EndpointUnusable, MissingDependency, ModelNotFound, NotSupported
from assay.models import transformers as provider
from assay.models.registry import open_model
from assay.records import Image, Message, Request, Sampling, ToolSpec

installed = pytest.mark.skipif(
    find_spec("torch") is None or find_spec("transformers") is None, reason="the extra 'hf' is not installed"
)


def make(folder: Path, architecture: str) -> Path:
    """A random model whose tokens are ASCII characters, with a chat template and a begin-of-text token."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PreTrainedTokenizerFast

    characters = sorted({"Ġ", "Ċ", *map(chr, range(33, 127))} & set(pre_tokenizers.ByteLevel.alphabet()))
    vocab = {piece: at for at, piece in enumerate([*characters, "<s>", "</s>"])}
    tokenizer = Tokenizer(models.BPE(vocab, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", vocab["<s>"])])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.chat_template = "<s>{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"
    ends = {"vocab_size": len(vocab), "bos_token_id": vocab["<s>"], "eos_token_id": vocab["</s>"]}
    config: Any = (
        GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=96, **ends)
        if architecture == "gpt2"
        else LlamaConfig(
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=96,
            **ends,
        )
    )
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():  # far from uniform, so that a wrong place would show
            parameter.mul_(6)
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


class ByHand:
    """The same checkpoint, one sequence at a time and nothing padded."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.torch: Any = torch
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def spread(self, ids: list[int]) -> Any:
        with self.torch.no_grad():
            return self.model(self.torch.tensor([ids])).logits[0].double().log_softmax(-1)

    def continuation(self, prompt: str, continuation: str) -> tuple[list[float], bool]:
        ids, start = self.tokenizer(prompt + continuation).input_ids, len(self.tokenizer(prompt).input_ids)
        spread = self.spread(ids)
        values = [float(spread[at - 1, ids[at]]) for at in range(start, len(ids))]
        return values, all(int(spread[at - 1].argmax()) == ids[at] for at in range(start, len(ids)))

    def greedy(self, ids: list[int], length: int) -> list[int]:
        new: list[int] = []
        while len(new) < length:
            new.append(int(self.spread(ids + new)[-1].argmax()))
        return new


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("model"), request.param)


@pytest.fixture
async def model(folder: Path) -> AsyncIterator[provider.TransformersModel]:
    opened = open_model(f"hf/{folder}", {"batch_size": "4", "threads": "1", "device": "cpu"})
    assert isinstance(opened, provider.TransformersModel)
    yield opened
    await opened.close()


@installed
async def test_log_likelihoods_are_the_log_softmax_whatever_else_is_in_the_batch(
    model: provider.TransformersModel, folder: Path
) -> None:
    by_hand = ByHand(folder)
    asked = [
        ("The sky is", " blue"),
        ("So", " long, and thanks"),
        ("", "x"),
        ("A beetle", " walks\n"),
        ("a" * 60, "b"),
    ]
    best = by_hand.tokenizer.decode(by_hand.greedy(by_hand.tokenizer("Once").input_ids, 1))
    asked.append(("Once", best))
    found = await asyncio.gather(
        *(model.loglikelihood(Request("m", prompt=prompt, continuation=text)) for prompt, text in asked)
    )
    for (prompt, text), response in zip(asked, found, strict=True):
        values, greedy = by_hand.continuation(prompt, text)
        assert [t.logprob for t in response.logprobs or ()] == pytest.approx(values, abs=1e-4), (prompt, text)
        assert response.greedy is greedy
        assert len(response.logprobs or ()) == len(text)
        assert response.usage is not None
        assert response.usage.input_tokens == 1 + len(prompt + text)
    assert found[-1].greedy is True
    conversation = Request("m", (Message("user", "Why?"),), continuation=" So")
    values, _ = by_hand.continuation("user: Why?\nassistant:", " So")
    response = await model.loglikelihood(conversation)
    assert [t.logprob for t in response.logprobs or ()] == pytest.approx(values, abs=1e-4)


@installed
async def test_replies_are_greedy_decoding_cut_at_stops_and_limits(
    model: provider.TransformersModel, folder: Path
) -> None:
    by_hand = ByHand(folder)
    greedy = Sampling(max_tokens=6, temperature=0, logprobs=2)
    prompts = ["The sky is", "So", "A longer prompt than the others"]
    replies = await asyncio.gather(*(model.generate(Request("m", prompt=p, sampling=greedy)) for p in prompts))
    for prompt, response in zip(prompts, replies, strict=True):
        ids = by_hand.tokenizer(prompt).input_ids
        new = by_hand.greedy(ids, 6)
        assert response.text == by_hand.tokenizer.decode(new, skip_special_tokens=True)
        assert (response.finish_reason, len(response.logprobs or ())) == ("length", 6)
        first = (response.logprobs or ())[0]
        assert first.logprob == pytest.approx(float(by_hand.spread(ids)[-1].max()), abs=1e-4)
        assert len(first.top) == 2
    text = replies[2].text
    stopped = await model.generate(Request("m", prompt=prompts[2], sampling=Sampling(6, 0, stop=(text[3],))))
    assert (stopped.text, stopped.finish_reason) == (text[: text.index(text[3])], "stop")
    drawn = [Request("m", prompt="So", sampling=Sampling(12, 1.5, seed=seed)) for seed in (1, 1, 2)]
    first, again, other = [r.text for r in await asyncio.gather(*map(model.generate, drawn))]
    assert first == again != other


@installed
async def test_what_waits_while_the_model_computes_goes_through_it_together(model: provider.TransformersModel) -> None:
    await model.loglikelihood(Request("m", prompt="So", continuation=" a"))
    assert model._loaded is not None
    rows: list[int] = []
    model._loaded.model.register_forward_hook(lambda module, inputs, output: rows.append(output.logits.shape[0]))
    await asyncio.gather(*(model.loglikelihood(Request("m", prompt="So", continuation=f" {n}")) for n in range(9)))
    assert rows == [4, 4, 1]


@installed
async def test_one_bad_request_does_not_harm_its_batch(model: provider.TransformersModel) -> None:
    asks = [("So", " a"), ("x" * 200, " a"), ("So", " b"), ("So", "")]
    found = await asyncio.gather(
        *(model.loglikelihood(Request("m", prompt=p, continuation=c)) for p, c in asks), return_exceptions=True
    )
    assert [type(answer) for answer in found[1::2]] == [BadRequest, BadRequest]
    assert "96 tokens" in str(found[1])
    assert not isinstance(found[0], BaseException)
    assert not isinstance(found[2], BaseException)
    with pytest.raises(BadRequest, match="bogus"):
        await model.generate(Request("m", prompt="So", sampling=Sampling(2, extra={"bogus": 1})))
    with pytest.raises(NotSupported, match="images"):
        await model.generate(Request("m", (Message("user", (Image(data="aGk="),)),)))
    with pytest.raises(NotSupported, match="tools"):
        await model.generate(Request("m", (Message("user", "Hi"),), tools=(ToolSpec("add"),)))


@installed
async def test_folder_that_holds_no_model_makes_the_endpoint_unusable(tmp_path: Path) -> None:
    model = open_model(f"hf/{tmp_path}")
    for _ in range(2):
        with pytest.raises(EndpointUnusable, match="could not be loaded"):
            await model.generate(Request("m", prompt="So"))
    await model.close()
    with pytest.raises(ModelNotFound, match="no folder"):
        open_model("hf/./nowhere")
    with pytest.raises(ModelNotFound, match="no model file"):
        open_model("hf/nowhere.gguf")


def test_missing_package_is_said_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'assay\[hf\]'"):
        open_model("hf/some/model")
