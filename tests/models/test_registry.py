"""From names and parameters to models."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from assay.errors import MissingDependency, ModelNotFound, UsageError
from assay.models import registry
from assay.models.registry import open_model, providers, split_parameters
from assay.records import Message, Request, Sampling


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("opnai/gpt", "did you mean 'openai'?"),
        ("gpt-4o", "provider/model"),
        ("openai", "write openai/MODEL"),
        ("scripted/", "write scripted/MODEL"),
        ("scripted/nothing", "echo, constant, hash"),
        ("local/llama", "local/smollm2"),
        ("local/no/such.gguf", "no model file"),
    ],
)
def test_unknown_model_is_named_with_what_there_is(name: str, words: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        open_model(name)
    assert words in str(caught.value)


def test_option_that_a_provider_does_not_take_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean latency"):
        open_model("scripted/echo", {"latancy": 1})
    with pytest.raises(UsageError, match="latency, letters, text"):
        open_model("scripted/echo", {"qqq": 1})


def test_parameters_go_to_the_provider_the_sampling_or_the_body() -> None:
    given = {
        "base_url": "http://h/v1",
        "timeout": "5",
        "max_tokens": "16",
        "temperature": "0",
        "seed": "7",
        "stop": '["\\n", "END"]',
        "logprobs": "2",
        "top_k": "20",
        "chat_template_kwargs": '{"enable_thinking": false}',
        "mode": "fast",
        "ratio": "NaN",
        "extra": '{"min_p": 0.1}',
    }
    options, sampling = split_parameters("openai/m", given)
    assert options == {"base_url": "http://h/v1", "timeout": "5"}
    extra = {
        "top_k": 20,
        "chat_template_kwargs": {"enable_thinking": False},
        "mode": "fast",
        "ratio": "NaN",
        "min_p": 0.1,
    }
    assert sampling == Sampling(16, 0.0, None, ("\n", "END"), 7, 2, extra)
    assert isinstance(sampling.temperature, float)


def test_which_names_are_options_depends_on_the_provider() -> None:
    expected = Sampling(stop=("END",), extra={"timeout": 5})
    assert split_parameters("scripted/echo", {"stop": "END", "timeout": "5", "text": "x"}) == ({"text": "x"}, expected)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("max_tokens", "many", "max_tokens=many"),
        ("max_tokens", "0", "at least 1"),
        ("max_tokens", "1.5", "max_tokens=1.5"),
        ("temperature", "-1", "at least 0"),
        ("temperature", "nan", "at least 0"),
        ("temperature", "inf", "at least 0"),
        ("top_p", "1.5", "(0, 1]"),
        ("logprobs", "-1", "at least 0"),
        ("stop", "[1]", "stop=[1]"),
        ("stop", '["a"', "begins like JSON"),
        ("x", '{"a":', "begins like JSON"),
        ("extra", "5", "JSON object"),
        ("n", "4", "epochs"),
        ("messages", "[]", "a task writes"),
        ("api_key", "sk-1", "SCRIPTED_API_KEY"),
        ("API-Key", "sk-1", "environment variable"),
    ],
)
def test_nonsense_is_refused_with_the_parameter_and_the_reason(key: str, value: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        split_parameters("scripted/echo", {key: value})
    assert words in str(caught.value)
    assert "sk-1" not in str(caught.value)


def test_key_is_refused_as_an_option_too() -> None:
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        open_model("openai/m", {"api_key": "sk-1"})


def test_every_provider_says_what_it_is_and_what_it_takes() -> None:
    found = {provider.name: provider for provider in providers()}
    assert {"openai", "local", "replay", "scripted"} <= found.keys()
    assert all(provider.summary for provider in found.values())
    assert "base_url" in found["openai"].options


@pytest.fixture
def _third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "acme_models.py").write_text(
        '"""Acme\'s models."""\n'
        "from assay.models.scripted import Scripted\n"
        'OPTIONS = {"word": "what it says"}\n'
        'def create(name, options):\n    return Scripted(lambda request: options["word"], name=name)\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint("acme", "acme_models:create", "assay.providers"),
        EntryPoint("openai", "acme_models:create", "assay.providers"),
        EntryPoint("broken", "no_such_module_of_acme:create", "assay.providers"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries if group == "assay.providers" else [])
    registry._offered.cache_clear()
    registry._load.cache_clear()
    yield
    registry._offered.cache_clear()
    registry._load.cache_clear()
    sys.modules.pop("acme_models", None)


@pytest.mark.usefixtures("_third_party")
async def test_another_package_offers_a_provider_but_takes_over_none() -> None:
    options, sampling = split_parameters("acme/x", {"word": "hello", "top_k": "3"})
    model = open_model("acme/x", options)
    assert (await model.generate(Request("acme/x", (Message("user", "Hi"),), sampling=sampling))).text == "hello"
    assert registry._load("acme").summary == "Acme's models."
    assert "base_url" in registry._load("openai").options
    with pytest.raises(MissingDependency, match="no_such_module_of_acme"):
        open_model("broken/x")
