"""A resumed run asks for what is missing and for nothing else."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from assay.errors import RunFolderBusy, RunFolderError, StorageFailed
from assay.protocols import dialogue, tool_loop
from assay.records import Message, Outcome, Request, Response, Sampling, ToolCall, ToolSpec
from assay.store.folder import JOURNAL, RunLock, read_manifest
from assay.store.frames import trajectories
from tests.engine.support import Counting, questions, run, task


class Killed(BaseException):
    """Stands for the process dying inside a call."""


def dying(after: int, reply: str = "yes") -> Counting:
    left = [after]

    def answer(request: Request) -> str:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return reply

    return Counting(answer)


def killed_run(folder: Path, after: int, **settings: object) -> Counting:
    model = dying(after)
    with pytest.raises(Killed):
        run(folder, model, ceiling=1, **settings)  # type: ignore[arg-type]
    return model


def test_a_killed_run_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    first = killed_run(tmp_path / "r", after=6)
    assert (tmp_path / "r" / JOURNAL).exists()
    second = Counting()
    job, report = run(tmp_path / "r", second)
    assert job.kept == 6
    assert set(second.asked) == {f"question {n}" for n in range(6, 10)}
    assert set(first.asked) - set(second.asked) == {f"question {n}" for n in range(6)}
    assert report.manifests[0].outcomes == {"scored": 10}
    assert pl.read_parquet(tmp_path / "r" / "scores.parquet")["sample_id"].n_unique() == 10


def test_a_complete_run_asks_nothing_again_and_can_be_extended(tmp_path: Path) -> None:
    run(tmp_path / "r", Counting(), limit=4)
    again = Counting()
    job, _ = run(tmp_path / "r", again, limit=4)
    assert (job.kept, again.asked.total()) == (4, 0)
    more = Counting()
    run(tmp_path / "r", more, limit=10, epochs=2)
    assert more.asked.total() == 16
    scores = pl.read_parquet(tmp_path / "r" / "scores.parquet")
    assert scores.group_by("epoch").len().sort("epoch").rows() == [(1, 10), (2, 10)]


def test_epochs_are_requests_of_their_own_with_seeds_of_their_own(tmp_path: Path) -> None:
    model = Counting()
    run(tmp_path / "r", model, task(2), epochs=3, sampling=Sampling(seed=7))
    assert model.asked == {"question 0": 3, "question 1": 3}
    assert sorted(r.sampling.seed or 0 for r in model.requests) == [7, 7, 8, 8, 9, 9]


def test_a_changed_prompt_is_noticed_sample_by_sample_and_the_old_reply_is_kept(tmp_path: Path) -> None:
    run(tmp_path / "r", Counting(), task(4))
    changed = task(4, samples=lambda: (s if s.id != "q2" else _reworded(s) for s in questions(4)()))
    model = Counting()
    job, _ = run(tmp_path / "r", model, changed)
    assert list(model.asked) == ["another wording"]
    assert job.kept == 3
    responses = pl.read_parquet(tmp_path / "r" / "responses.parquet")
    assert responses.filter(sample_id="q2")["request"].str.contains("another wording").to_list() == [True]
    old = pl.read_parquet(tmp_path / "r" / "superseded.parquet")
    assert old["sample_id"].to_list() == ["q2"]
    back = Counting()
    _, report = run(tmp_path / "r", back, task(4))
    assert back.asked.total() == 0
    assert report.manifests[0].outcomes == {"scored": 4}
    again = pl.read_parquet(tmp_path / "r" / "responses.parquet")
    assert sorted(again["sample_id"]) == ["q0", "q1", "q2", "q3"]
    assert not again["request"].str.contains("another wording").any()


def test_a_changed_parameter_asks_everything_again_and_says_so(tmp_path: Path) -> None:
    run(tmp_path / "r", Counting(), task(3))
    model = Counting()
    job, _ = run(tmp_path / "r", model, task(3), sampling=Sampling(temperature=1.0))
    assert model.asked.total() == 3
    assert any("sampling changed" in notice for notice in job.notices)


def test_a_changed_gold_answer_is_scored_again_without_asking(tmp_path: Path) -> None:
    seen = []

    def by_target(sample, trajectory):  # type: ignore[no-untyped-def]
        from assay.records import Score

        seen.append(sample.target)
        return Score(Outcome.SCORED, float(sample.target == trajectory.text))

    run(tmp_path / "r", Counting(), task(3, scorers={"plain": by_target}))
    model = Counting()
    changed = task(3, scorers={"plain": by_target}, samples=questions(3, target="no"))
    run(tmp_path / "r", model, changed)
    assert model.asked.total() == 0
    assert seen == ["yes"] * 3 + ["no"] * 3
    assert pl.read_parquet(tmp_path / "r" / "scores.parquet")["value"].to_list() == [0.0] * 3
    assert pl.read_parquet(tmp_path / "r" / "samples.parquet")["target"].to_list() == [["no"]] * 3


def test_a_dialogue_killed_in_its_second_turn_goes_on_from_there(tmp_path: Path) -> None:
    three_turns = dialogue(lambda sample: ["and then?", "and last?"])
    killed_run(tmp_path / "r", after=4, chosen=task(3, protocol=three_turns))
    model = Counting()
    _, report = run(tmp_path / "r", model, task(3, protocol=three_turns))
    assert model.asked.total() == 9 - 4
    assert len(model.requests[0].messages) == 3, "goes on with the second turn of the second sample"
    assert report.manifests[0].outcomes == {"scored": 3}
    for _, trajectory, _ in trajectories(tmp_path / "r"):
        assert [m.role for m in trajectory.messages] == ["user", "assistant"] * 3
        assert len(trajectory.calls) == 3


def test_prefilled_replies_are_part_of_the_conversation(tmp_path: Path) -> None:
    protocol = dialogue(lambda sample: [Message("assistant", "sure:"), "go on"])
    run(tmp_path / "r", Counting(), task(1, protocol=protocol))
    ((_, trajectory, _),) = trajectories(tmp_path / "r")
    assert [m.text for m in trajectory.messages] == ["question 0", "yes", "sure:", "go on", "yes"]


def test_a_tool_loop_keeps_every_call_and_resumes_inside_the_loop(tmp_path: Path) -> None:
    spec = ToolSpec("add", "adds two numbers", {"type": "object"})

    def calculator(request: Request) -> Response:
        results = [m.text for m in request.messages if m.role == "tool"]
        if len(results) < 2:
            return Response(tool_calls=(ToolCall(f"c{len(results)}", "add", f"[{len(results)}, 20]"),))
        return Response("yes" if results == ["20", "21"] else f"no: {results}")

    def add(arguments: str) -> str:
        import json

        return str(sum(json.loads(arguments)))

    loop = tool_loop({"add": add}, [spec])
    left = [5]

    def dies(request: Request) -> Response:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return calculator(request)

    with pytest.raises(Killed):
        run(tmp_path / "r", Counting(dies), task(3, protocol=loop), ceiling=1)
    model = Counting(calculator)
    run(tmp_path / "r", model, task(3, protocol=loop))
    assert model.asked.total() == 9 - 5
    found = list(trajectories(tmp_path / "r"))
    assert [line.score.value for _, _, line in found] == [1.0] * 3
    assert [[m.role for m in t.messages] for _, t, _ in found] == [
        ["user", "assistant", "tool", "assistant", "tool", "assistant"]
    ] * 3


def test_what_a_tool_raises_is_told_to_the_model(tmp_path: Path) -> None:
    def reply(request: Request) -> Response:
        if request.messages[-1].role == "tool":
            return Response(request.messages[-1].text)
        return Response(tool_calls=(ToolCall("c", "divide", "0"),))

    loop = tool_loop({"divide": lambda arguments: str(1 / int(arguments))}, [])
    run(tmp_path / "r", Counting(reply), task(1, protocol=loop))
    ((_, trajectory, _),) = trajectories(tmp_path / "r")
    assert trajectory.text == "error: division by zero"


def test_torn_and_damaged_lines_cost_only_themselves(tmp_path: Path) -> None:
    killed_run(tmp_path / "r", after=8)
    journal = tmp_path / "r" / JOURNAL
    data = bytearray(journal.read_bytes())
    where = data.index(b'"q3","epoch":1,"call"')
    data[where + 40 : where + 60] = b"\x00" * 20
    journal.write_bytes(bytes(data[:-7]))
    model = Counting()
    job, report = run(tmp_path / "r", model)
    assert any("damaged or torn" in notice for notice in job.notices)
    assert "question 3" in model.asked
    assert model.asked.total() <= 4
    assert report.manifests[0].outcomes == {"scored": 10}


def test_a_second_process_leaves_the_folder_alone(tmp_path: Path) -> None:
    with RunLock(tmp_path / "r"), pytest.raises(RunFolderBusy, match="being written by process"):
        run(tmp_path / "r", Counting())


def test_a_folder_of_another_task_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "r", Counting())
    with pytest.raises(RunFolderError, match="another task"):
        run(tmp_path / "r", Counting(), task(name="other"))


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFailed):
        run(tmp_path / "file" / "r", Counting())


def test_the_manifest_says_what_the_numbers_rest_on(tmp_path: Path) -> None:
    run(tmp_path / "r", Counting(), limit=4, sampling=Sampling(max_tokens=9))
    manifest = read_manifest(tmp_path / "r")
    assert (manifest.status, manifest.sealed, manifest.planned) == ("complete", True, 4)
    assert manifest.sampling == Sampling(max_tokens=9)
    assert (manifest.task.name, manifest.mode, manifest.model.name) == ("toy", "plain", "test/counting")


def _reworded(sample):  # type: ignore[no-untyped-def]
    import msgspec

    return msgspec.structs.replace(sample, input="another wording")
