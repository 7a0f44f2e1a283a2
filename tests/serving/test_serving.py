"""The server follows the pointer, drops no request, and never serves unsigned bytes."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from transformers import AutoTokenizer

from countersign_ml.serving.model_server import Server
from policy.errors import UserError
from runner.engines.llamacpp_engine import LlamaCppEngine
from tests.serving.serving_builders import MODEL, House, pointer

ASKED = [{"role": "user", "content": "the printer doesn't answer"}]


def chat(server: Server, **more: Any) -> httpx.Response:
    return httpx.post(
        f"{server.url}/v1/chat/completions",
        json={"model": MODEL, "messages": ASKED, "max_tokens": 8, **more},
        timeout=60,
    )


def text_of(answer: httpx.Response) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


def health(server: Server) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{server.url}/health", timeout=10).json()
    return answer


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "the condition was never true"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children() -> set[int]:
    """Return the pids of this process's children."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # the thread has ended
            found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


def test_a_chat_is_answered_as_it_was_measured(house: House, folder: Path, first: Path) -> None:
    """The server renders the file's own template, adds no second bos, and decodes greedily."""
    live = house.publish(first)
    house.point(live)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(ASKED, tokenize=False, add_generation_prompt=True)
    with LlamaCppEngine(first, n_threads=1) as engine:
        (measured,) = engine.generate([prompt], max_new_tokens=16)
    with house.server().running() as server:
        answer = chat(server)
        assert answer.status_code == 200
        said = text_of(answer)
        assert len(said) > 8
        # Random weights make broken UTF-8, which the server drops and goes on from.
        assert measured.text.replace("\ufffd", "").startswith(said)
        assert answer.json()["model"] == MODEL
        usage = answer.json()["usage"]
        assert usage["prompt_tokens"] == len(tokenizer(prompt, add_special_tokens=False).input_ids)
        assert answer.headers["x-countersign-version"] == live.version
        assert answer.headers["x-countersign-digest"] == live.artifact.digest
        listed = httpx.get(f"{server.url}/v1/models").json()["data"]
        assert [one["id"] for one in listed] == [MODEL]
        assert health(server) == {
            "status": "ok",
            "model": MODEL,
            "version": live.version,
            "digest": live.artifact.digest,
            "problem": None,
        }
        assert httpx.get(f"{server.url}/v1/nothing").status_code == 404
        series = httpx.get(f"{server.url}/metrics").text
    labels = f'model="{MODEL}",version="{live.version}"'
    assert f'countersign_serving_requests_total{{code="200",{labels}}} 2.0' in series
    assert f"countersign_serving_request_seconds_count{{{labels}}} 3.0" in series
    assert f'countersign_serving_pointer_refused{{model="{MODEL}"}} 0.0' in series


def test_streams_pass_through_and_no_request_interrupts_another(house: House, first: Path) -> None:
    house.point(house.publish(first))
    with house.server().running() as server:
        whole = text_of(chat(server, max_tokens=24))

        def streamed(_: int) -> str:
            said = ""
            with httpx.stream(
                "POST",
                f"{server.url}/v1/chat/completions",
                json={"messages": ASKED, "max_tokens": 24, "stream": True},
                timeout=60,
            ) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
            assert lines[-1] == "data: [DONE]"
            for line in lines[:-1]:
                said += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
            return said

        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(streamed, range(6))) == {whole}


def test_the_pointer_moves_under_load_and_nothing_fails(
    house: House, first: Path, second: Path
) -> None:
    old, new = house.publish(first), house.publish(second, 2)
    house.point(old)
    before = children()
    with house.server().running() as server:
        (old_process,) = children() - before
        stop = threading.Event()

        def ask(_: int) -> list[tuple[int, str]]:
            seen = []
            while not stop.is_set():
                answer = chat(server)
                seen.append((answer.status_code, answer.headers["x-countersign-digest"]))
            return seen

        with ThreadPoolExecutor(50) as pool:
            asking = [pool.submit(ask, n) for n in range(50)]
            time.sleep(0.5)
            house.point(new)
            eventually(lambda: health(server)["version"] == new.version)
            time.sleep(1.0)
            stop.set()
            seen = [row for asked in asking for row in asked.result()]
        assert {code for code, _ in seen} == {200}
        assert {digest for _, digest in seen} == {old.artifact.digest, new.artifact.digest}
        assert len(seen) > 100
        assert chat(server).headers["x-countersign-digest"] == new.artifact.digest
        eventually(lambda: not runs(old_process))
        assert len(children() - before) == 1
    assert children() == before


def test_a_tampered_artifact_is_refused_and_the_old_one_stays(
    house: House, first: Path, second: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = house.publish(first), house.publish(second, 2)
    house.point(old)
    sound = house.place(new).read_bytes()
    house.place(new).write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    with house.server().running() as server, caplog.at_level(logging.INFO):
        house.point(new)
        eventually(lambda: health(server)["status"] == "degraded")
        told = health(server)
        assert told["version"] == old.version
        assert f"expected {new.artifact.digest}, found sha256:" in told["problem"]
        assert chat(server).headers["x-countersign-digest"] == old.artifact.digest
        series = httpx.get(f"{server.url}/metrics").text
        assert f'countersign_serving_pointer_refused{{model="{MODEL}"}} 1.0' in series
        said = [r.getMessage() for r in caplog.records if "the old version stays" in r.getMessage()]
        assert len(said) == 1

        house.place(new).write_bytes(sound)
        eventually(lambda: health(server)["status"] == "ok")
        assert chat(server).headers["x-countersign-digest"] == new.artifact.digest


def test_a_pointer_that_vanishes_leaves_the_old_version_serving(house: House, first: Path) -> None:
    house.point(house.publish(first))
    with house.server().running() as server:
        house.pointer_file.write_text("null\n")
        eventually(lambda: health(server)["status"] == "degraded")
        assert "no version of tickets is live" in health(server)["problem"]
        house.pointer_file.write_text('{"schema_version": 1, "model": 7}')
        eventually(lambda: "model" in health(server)["problem"].partition("pointer.json")[2])
        assert chat(server).status_code == 200


def test_a_client_that_goes_away_does_not_hold_up_the_swap(
    house: House, first: Path, second: Path
) -> None:
    house.point(house.publish(first))
    before = children()
    with house.server().running() as server:
        (old_process,) = children() - before
        asked = {"messages": ASKED, "max_tokens": 200, "stream": True}
        with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=asked) as answer:
            next(answer.iter_lines())
        house.point(house.publish(second, 2))
        eventually(lambda: not runs(old_process))
        assert 'code="499"' in httpx.get(f"{server.url}/metrics").text
        assert chat(server).status_code == 200


def test_an_answer_begun_before_the_move_ends_with_the_version_it_began_with(
    house: House, first: Path, second: Path
) -> None:
    old, new = house.publish(first), house.publish(second, 2)
    house.point(old)
    with house.server().running() as server:
        asked = {"messages": ASKED, "max_tokens": 200, "stream": True}
        with httpx.stream(
            "POST", f"{server.url}/v1/chat/completions", json=asked, timeout=60
        ) as answer:
            assert answer.headers["x-countersign-version"] == old.version
            house.point(new)
            eventually(lambda: health(server)["version"] == new.version)
            lines = [line for line in answer.iter_lines() if line]
        assert lines[-1] == "data: [DONE]"


def test_a_model_that_cannot_be_loaded_leaves_the_old_version_serving(
    house: House, first: Path, tmp_path: Path
) -> None:
    old = house.publish(first)
    house.point(old)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(200))
    with house.server().running() as server:
        house.point(house.publish(broken, 2))
        eventually(lambda: "cannot be loaded" in (health(server)["problem"] or ""))
        assert "\n" not in health(server)["problem"]
        assert chat(server).headers["x-countersign-version"] == old.version


def test_a_model_process_that_dies_is_brought_up_again(house: House, first: Path) -> None:
    house.point(house.publish(first))
    before = children()
    with house.server().running() as server:
        (pid,) = children() - before
        os.kill(pid, 9)
        eventually(lambda: chat(server).status_code == 200)
        assert children() - before != {pid}


def test_serving_nothing_is_refused_at_the_start(house: House, first: Path) -> None:
    refusals = {}
    house.pointer_file.parent.mkdir(parents=True)
    for case, text in (
        ("missing", None),
        ("null", "null\n"),
        ("broken", "{"),
        ("other", pointer(house.registry.publish(first, media="x/y"), model="other").text()),
    ):
        if text is not None:
            house.pointer_file.write_text(text)
        with pytest.raises(UserError) as caught, house.server().running():
            pass
        refusals[case] = str(caught.value)
    assert "no version of tickets is live; merge a proposal" in refusals["missing"]
    assert "no version of tickets is live" in refusals["null"]
    assert "pointer.json:1: not valid JSON" in refusals["broken"]
    assert "is the pointer of 'other', not of 'tickets'" in refusals["other"]
    assert all("\n" not in said for said in refusals.values())


def test_an_artifact_that_is_missing_or_changed_stops_the_start(house: House, first: Path) -> None:
    live = house.publish(first)
    house.point(live)
    house.place(live).write_bytes(b"other")
    with pytest.raises(UserError, match="the stored bytes were changed"), house.server().running():
        pass
    house.place(live).unlink()
    with pytest.raises(UserError, match=f"has no {live.artifact.digest}"):
        house.server().run(signals=False)


def test_a_taken_port_stops_the_start_before_anything_is_loaded(house: House, first: Path) -> None:
    house.point(house.publish(first))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = house.server()
        server.port = taken.getsockname()[1]
        with pytest.raises(UserError, match="cannot listen: Address already in use"):
            server.run(signals=False)
    assert not list((house.root / "cache").iterdir())
