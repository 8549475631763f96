"""Runs over a Ray cluster of two nodes: nothing is lost and nothing counted twice, whatever dies."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from assay.engine.endpoint import EndpointDown, Pace, RetryPolicy
from assay.engine.job import Job, Plan
from assay.engine.ray_executor import Fleet, RayModel, connect, open_ray_model
from assay.engine.run import Report, execute
from assay.errors import ModelNotFound, UsageError
from assay.records import Message, Outcome, Request, Response
from assay.store.frames import table
from assay.store.journal import KINDS, read_lines
from tests.engine.support import task

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'assay[ray]'")
pytestmark = pytest.mark.slow

SAMPLES = 400

SERVER = """
import http.server, json, os, sys, time

port, notes = int(sys.argv[1]), sys.argv[2]
asked = os.open(os.path.join(notes, f"asked-{os.getpid()}"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply({"data": []})

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][-1]["content"]
        os.write(asked, f"{question}\\n".encode())
        if question == "poison 5":
            os._exit(7)
        time.sleep(0.1)
        self.reply({"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]})

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


Server(("127.0.0.1", port), Handler).serve_forever()
"""


class Servers:
    """The command of a model server, and what its processes have noted of what they were asked."""

    def __init__(self, folder: Path) -> None:
        self.notes = folder / "notes"
        self.notes.mkdir()
        script = folder / "server.py"
        script.write_text(SERVER)
        self.command = shlex.join([sys.executable, str(script), "{port}", str(self.notes)])

    def asked(self) -> Counter[str]:
        return Counter(line for file in self.notes.iterdir() for line in file.read_text().splitlines())

    def pids(self) -> list[int]:
        return [int(file.name.rpartition("-")[2]) for file in self.notes.iterdir()]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster of two nodes with one CPU each, so that each has room for one worker."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 << 20}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_CACHE", str(tmp_path_factory.mktemp("cache")))  # where the nodes' servers log
        cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        cluster.add_node(**node)
        cluster.wait_for_nodes()
        leave = connect(cluster.address)
        yield cluster.address
        leave()
        cluster.shutdown()


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    return Servers(tmp_path)


def fleet(serve: str | None = None, *, concurrency: int = 8) -> Fleet:
    return Fleet(2, serve=serve, concurrency=concurrency, policy=RetryPolicy(patience=5.0), start_seconds=60.0)


def run(
    folder: Path,
    chosen: Fleet,
    *,
    name: str = "openai/toy",
    wording: str = "question",
    samples: int = SAMPLES,
    disturb: Callable[[RayModel, Job], None] = lambda model, job: None,
) -> tuple[Job, Report, RayModel, list[str]]:
    """Carry out a plan on the cluster; ``disturb`` is called again and again while it runs."""
    from tests.engine.support import questions

    async def go() -> tuple[Job, Report, RayModel, list[str]]:
        told: list[str] = []
        model = await open_ray_model(name, {}, chosen, told.append)
        try:
            job = Job(Plan(task(samples, samples=questions(samples, wording=wording)), name, folder))
            report = await execute([(job, Pace().endpoint(model))], tick=lambda: disturb(model, job), tick_seconds=0.05)
            return job, report, model, told
        finally:
            await model.close()

    return asyncio.run(go())


def processes(title: str) -> list[int]:
    """Ids of running processes whose command line begins so."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cmdline").read_bytes().startswith(title.encode()):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def assert_whole(folder: Path, report: Report, samples: int = SAMPLES) -> None:
    """Every sample is there, scored once, with one response."""
    assert report.stopped is None
    assert report.manifests[0].outcomes == {"scored": samples}
    for name in ("samples", "responses", "scores"):
        ids = table(folder, name).select("sample_id").collect()["sample_id"]
        assert (len(ids), ids.n_unique()) == (samples, samples)


def test_a_cluster_that_is_not_there_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(UsageError, match=r"no Ray cluster at 127\.0\.0\.1:9: .*refused"):
        connect("127.0.0.1:9")


@pytest.mark.parametrize("victim", ["the worker", "its server"])
def test_what_a_lost_worker_had_is_asked_of_another(
    address: str, tmp_path: Path, servers: Servers, victim: str
) -> None:
    killed: list[int] = []

    def disturb(model: RayModel, job: Job) -> None:
        if job.done >= 80 and len(model.answered) == 2 and not killed:
            pid = processes("ray::_Station")[0] if victim == "the worker" else servers.pids()[0]
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    job, report, model, told = run(tmp_path / "r", fleet(servers.command), disturb=disturb)
    assert killed
    assert_whole(tmp_path / "r", report)
    assert len(model.answered) == 2, "both nodes have served"
    assert sum("failed" in line for line in told) == 1
    asked = servers.asked()
    assert len(asked) == SAMPLES
    assert asked.total() <= SAMPLES + 8, "only what the lost worker held was asked again"
    assert model.answered.total() == SAMPLES == job.asked
    until(lambda: not any(running(pid) for pid in servers.pids()))


def test_a_driver_that_is_killed_goes_on_where_it_was(address: str, tmp_path: Path, servers: Servers) -> None:
    folder = tmp_path / "r"
    script = (
        "import sys; from pathlib import Path; from assay.engine.ray_executor import connect\n"
        "from tests.engine.test_ray import fleet, run\n"
        "connect(sys.argv[1]); run(Path(sys.argv[2]), fleet(sys.argv[3]))"
    )
    driver = subprocess.Popen([sys.executable, "-c", script, address, str(folder), servers.command])

    def finished() -> set[str]:
        lines = read_lines(folder / "journal.jsonl", KINDS["score"]) if (folder / "journal.jsonl").exists() else ()
        import msgspec

        return {msgspec.json.decode(data)["sample_id"] for _, data in lines if data is not None}

    try:
        until(lambda: len(finished()) >= 100 or driver.poll() is not None)
    finally:
        driver.kill()
        driver.wait()
    before = finished()
    assert 100 <= len(before) < SAMPLES
    until(lambda: not any(running(pid) for pid in servers.pids()))
    first = servers.asked()
    job, report, _, _ = run(folder, fleet(servers.command))
    assert job.kept == len(before)
    assert_whole(folder, report)
    second = servers.asked() - first
    assert second == Counter(f"question {n}" for n in range(SAMPLES) if f"q{n}" not in before)


def test_a_call_that_kills_whatever_serves_it_fails_alone(address: str, tmp_path: Path, servers: Servers) -> None:
    chosen = fleet(servers.command, concurrency=1)
    _, report, _, told = run(tmp_path / "r", chosen, wording="poison", samples=12)
    assert report.manifests[0].outcomes == {"scored": 11, "infra_failed": 1}
    failed = table(tmp_path / "r", "responses").filter(pl.col("error_kind").is_not_null()).collect()
    assert failed.select("sample_id", "error_kind").rows() == [("q5", "WorkerLost")]
    assert "exit code 7" in failed["error_message"][0]
    assert sum("failed" in line for line in told) == 3


def test_records_cross_the_cluster_bit_for_bit(address: str) -> None:
    async def go() -> tuple[Response, Response, Response]:
        model = await open_ray_model("scripted/echo", {}, fleet())
        try:
            odd = Request("scripted/echo", (Message("user", "half a pair \ud800, nul \0, \U0001f600"),))
            large = Request("scripted/echo", (Message("user", "x" * (20 << 20)),))
            likely = Request("scripted/echo", prompt="to be", continuation=" or not")
            return await model.generate(odd), await model.generate(large), await model.loglikelihood(likely)
        finally:
            await model.close()

    odd, large, likely = asyncio.run(go())
    assert odd.text == "half a pair \ud800, nul \0, \U0001f600"
    assert len(large.text) == 20 << 20
    assert [token.token for token in likely.logprobs or ()] == [" or", " not"]


def test_a_fleet_that_cannot_start_says_why(address: str, servers: Servers) -> None:
    with pytest.raises(ModelNotFound, match="no model 'scripted/nobody'"):
        asyncio.run(open_ray_model("scripted/nobody", {}, fleet()))
    dying = shlex.join([sys.executable, "-c", "import sys; sys.exit('no such weights {port}')"])
    with pytest.raises(EndpointDown, match=r"exit code 1\): no such weights \d+ \(log: "):
        asyncio.run(open_ray_model("openai/toy", {}, fleet(dying)))


def test_an_endpoint_that_serves_nobody_stops_the_run_and_spends_no_samples(address: str, tmp_path: Path) -> None:
    """Nothing listens at the address: each worker tries for its first contact's patience, then is given up."""
    chosen = Fleet(2, concurrency=8, policy=RetryPolicy(patience=1.0, first_contact=1.0), start_seconds=60.0)
    refused = "http://127.0.0.1:9/v1"

    async def go() -> tuple[Job, Report]:
        model = await open_ray_model("openai/toy", {"base_url": refused}, chosen)
        try:
            job = Job(Plan(task(50), "openai/toy", tmp_path / "r"))
            return job, await execute([(job, Pace().endpoint(model))])
        finally:
            await model.close()

    job, report = asyncio.run(go())
    assert isinstance(report.error, EndpointDown)
    assert "cannot be reached" in str(report.error)
    assert Outcome.INFRA_FAILED not in job.outcomes
