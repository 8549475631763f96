"""A small provider with a batch API, to be served by ``FaultServer``: ``FaultServer(BatchProvider())``.

It works off a batch as soon as it is created and answers in another order than it was asked. What it was
sent is in ``lines``, in order, over all processes; ``faults`` are behaviours in place of its replies,
each used once, by the beginning of ``METHOD path``; one with ``after`` comes when the work is done.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.models.fault_server import Behaviour, Received, chat_body, error, reply

Line = dict[str, Any]


def answered(line: Line, text: str) -> Line:
    """A good answer."""
    body = chat_body(text)
    if line["url"].endswith("/v1/completions"):
        body = {"choices": [{"text": text, "finish_reason": "stop"}], "model": "served"}
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


def rejected(line: Line, status: int, **fields: Any) -> Line:
    """An answer that the service behind the batch refused."""
    body = {"error": {"message": "it failed", **fields}}
    return {"custom_id": line["custom_id"], "response": {"status_code": status, "body": body}, "error": None}


def unserved(line: Line, code: str) -> Line:
    """The entry of a request that was never made."""
    return {"custom_id": line["custom_id"], "response": None, "error": {"code": code, "message": "it was late"}}


def echoed(line: Line) -> Line:
    """Answers with the question, and with its batch and id, which tell equal questions apart."""
    body = line["body"]
    question = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
    return answered(line, f"{question} [{line['batch']} {line['custom_id']}] yes")


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that a server or a disk will show."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(0.005)


@dataclass
class Fault:
    """What goes wrong, once."""

    where: str
    """The beginning of ``METHOD path``, such as ``GET /v1/batches/``."""
    behaviour: Behaviour
    after: bool = False
    """The request does what it should, and only its reply goes wrong."""


class BatchProvider:
    """Answers each line by ``answer``; one for which that gives ``None`` stays unanswered.

    Args:
        answer: Line of a batch -> line of its answers: a document, bytes as they stand, or ``None``.
        ending: The batch's last status.
        looks: How often a batch is looked at before it has ended; ``held`` keeps it going on.
    """

    def __init__(
        self, answer: Callable[[Line], Line | bytes | None] = echoed, *, ending: str = "completed", looks: int = 1
    ) -> None:
        self.answer = answer
        self.ending = ending
        self.looks = looks
        self.held = False
        self.errors: list[Any] = []
        self.faults: list[Fault] = []
        self.lines: list[Line] = []
        self.batches: dict[str, dict[str, Any]] = {}
        self.keys: set[str | None] = set()
        self.calls: list[str] = []
        self._files: dict[str, bytes] = {}
        self._looked: dict[str, int] = {}

    def __call__(self, request: Received) -> Behaviour:
        """The reply to a request."""
        self.keys.add(request.headers.get("authorization"))
        url = urlsplit(request.path)
        call = f"{request.method} {url.path}"
        self.calls.append(call)
        fault = next((fault for fault in self.faults if call.startswith(fault.where)), None)
        if fault is not None:
            self.faults.remove(fault)
            if not fault.after:
                return fault.behaviour
        done = self._do(call, request, {key: values[0] for key, values in parse_qs(url.query).items()})
        return done if fault is None else fault.behaviour

    def _do(self, call: str, request: Received, query: dict[str, str]) -> Behaviour:
        name = call.rpartition("/batches/")[2]
        if call == "POST /v1/files":
            return self._upload(request)
        if call == "POST /v1/batches":
            return self._create(request.json)
        if call == "GET /v1/batches":
            return self._list(query)
        if name in self.batches:
            return reply(200, self._look(name))
        if call.endswith("/content") and (file := call.split("/")[-2]) in self._files:
            return reply(200, self._files[file], kind="application/octet-stream")
        return error(404, "no such thing")

    def _upload(self, request: Received) -> Behaviour:
        kind = request.headers["content-type"]
        assert kind.startswith("multipart/form-data; boundary="), kind
        parts = request.body.split(b"--" + kind.partition("boundary=")[2].strip('"').encode())[1:-1]
        fields = {}
        for part in parts:
            head, _, value = part.partition(b"\r\n\r\n")
            fields[head.partition(b'name="')[2].partition(b'"')[0]] = value.removesuffix(b"\r\n")
        assert fields[b"purpose"] == b"batch"
        return reply(200, {"id": self._keep(fields[b"file"]), "object": "file"})

    def _create(self, wanted: dict[str, Any]) -> Behaviour:
        lines = [json.loads(line) for line in self._files[wanted["input_file_id"]].splitlines()]
        assert len({line["custom_id"] for line in lines}) == len(lines)
        assert {(line["method"], line["url"]) for line in lines} == {("POST", wanted["endpoint"])}
        name = f"batch_{len(self.batches)}"
        batch = {"id": name, "object": "batch", "created_at": 4_000_000_000, "status": "validating", **wanted}
        self.batches[name] = batch
        for line in lines:
            line["batch"] = name
        self.lines += lines
        good: list[bytes] = []
        bad: list[bytes] = []
        for line in reversed(lines):
            document = self.answer(line)
            if document is not None:
                data = document if isinstance(document, bytes) else json.dumps(document).encode()
                failed = not isinstance(document, bytes) and (document["response"] or {}).get("status_code") != 200
                (bad if failed else good).append(data)
        batch["answers"] = (b"\n".join(good) + b"\n", b"\n".join(bad))
        return reply(200, self._shown(batch))

    def _look(self, name: str) -> dict[str, Any]:
        batch = self.batches[name]
        self._looked[name] = self._looked.get(name, 0) + 1
        if self.held or self._looked[name] <= self.looks:
            batch["status"] = "in_progress"
        elif batch["status"] != self.ending:
            batch |= {"status": self.ending, "completed_at": 4_000_000_000 + 60}
            if self.ending == "failed":
                batch["errors"] = {"object": "list", "data": self.errors}
            else:
                for field, data in zip(("output_file_id", "error_file_id"), batch["answers"], strict=True):
                    batch[field] = self._keep(data) if data.strip() else None
        return self._shown(batch)

    def _list(self, query: dict[str, str]) -> Behaviour:
        latest = list(reversed(self.batches.values()))
        if "after" in query:
            latest = latest[[batch["id"] for batch in latest].index(query["after"]) + 1 :]
        page = latest[:2]  # short pages, so that there are several
        return reply(200, {"data": [self._shown(b) for b in page], "has_more": len(page) < len(latest)})

    def _keep(self, data: bytes) -> str:
        name = f"file-{len(self._files)}"
        self._files[name] = data
        return name

    def lose_files(self) -> None:
        """Forget all answers."""
        self._files.clear()

    @staticmethod
    def _shown(batch: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in batch.items() if key != "answers"}
