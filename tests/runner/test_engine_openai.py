"""An endpoint over real HTTP: every failure of a question is counted and named."""

from __future__ import annotations

import email.utils
import json
import socket
import time
from typing import Any

import pytest

from countersign_ml.rows.read.formats import Turn
from policy.errors import UserError
from runner.engines.engine import Answer
from runner.engines.openai_client import Endpoint
from runner.engines.openai_engine import OpenAIEngine
from tests.runner.endpoint_server import (
    Rule,
    Sent,
    Server,
    busy,
    endpoint_server,
    html,
    plain,
    reply,
)


def ask(rule: Rule, *prompts: str, **settings: Any) -> tuple[list[Answer], Server]:
    with (
        endpoint_server(rule) as server,
        OpenAIEngine(Endpoint(server.base_url, "tiny", **settings)) as engine,
    ):
        return engine.generate(prompts or ("hello",), max_new_tokens=9), server


def one(rule: Rule, **settings: Any) -> tuple[Answer, Server]:
    answers, server = ask(rule, **settings)
    (answer,) = answers
    return answer, server


def shout(body: dict[str, Any], before: int) -> Sent:
    return reply(body["prompt"].upper())


def test_answers_keep_the_prompts_order_however_they_come() -> None:
    def rule(body: dict[str, Any], before: int) -> Sent:
        sent = shout(body, before)
        number = int(body["prompt"].split()[1])
        return Sent(sent.body, delay=0.01 * (7 - number))

    prompts = [f"row {number}" for number in range(8)]
    answers, server = ask(rule, *prompts)
    assert [answer.text for answer in answers] == [prompt.upper() for prompt in prompts]
    assert {answer.finish for answer in answers} == {"stop"}
    assert all(answer.tokens == 2 and answer.seconds > 0 for answer in answers)
    assert len(server.asked) == 8


def test_decoding_is_pinned() -> None:
    _, server = one(shout)
    assert server.bodies[0] == {
        "model": "tiny",
        "prompt": "hello",
        "stream": False,
        "max_tokens": 9,
        "temperature": 0,
        "top_p": 1,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "seed": 0,
    }
    assert server.asked[0][0] == "/v1/completions"


def test_turns_are_asked_by_the_chat_api_and_may_be_bound_to_a_schema() -> None:
    def rule(body: dict[str, Any], before: int) -> Sent:
        return reply(json.dumps([message["role"] for message in body["messages"]]))

    schema = {"type": "array", "items": {"type": "string"}}
    with (
        endpoint_server(rule) as server,
        OpenAIEngine(Endpoint(server.base_url, "tiny")) as engine,
    ):
        turns = [Turn("system", "s"), Turn("user", "u")]
        (answer,) = engine.converse([turns], max_new_tokens=5, schema=schema)
        assert (engine.tokens_in, engine.models) == (11, {"tiny-7"})
    assert answer.text == '["system", "user"]'
    assert server.asked[0][0] == "/v1/chat/completions"
    assert server.bodies[0]["response_format"]["json_schema"]["schema"] == schema


def test_a_tool_call_is_its_json() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    answer, _ = one_chat(lambda body, before: reply(None, "tool_calls", tool_calls=calls))
    assert json.loads(answer.text) == calls
    assert answer.finish == "stop"


def one_chat(rule: Rule) -> tuple[Answer, Server]:
    with (
        endpoint_server(rule) as server,
        OpenAIEngine(Endpoint(server.base_url, "tiny")) as engine,
    ):
        (answer,) = engine.converse([[Turn("user", "u")]], max_new_tokens=5)
        return answer, server


def test_an_answer_that_was_cut_off_says_so() -> None:
    answer, _ = one(lambda body, before: reply("and then", "length"))
    assert (answer.text, answer.finish, answer.problem) == ("and then", "length", "")


def test_an_empty_answer_is_an_answer_with_a_reason() -> None:
    answer, server = one(lambda body, before: reply(" \n"))
    assert (answer.finish, answer.problem) == ("stop", "empty: the answer is empty")
    assert len(server.asked) == 1


def test_a_busy_endpoint_is_asked_again_when_it_says() -> None:
    def rule(body: dict[str, Any], before: int) -> Sent:
        return busy(Retry_After="1") if before == 0 else shout(body, before)

    started = time.monotonic()
    answer, server = one(rule)
    assert answer.text == "HELLO"
    assert len(server.asked) == 2
    assert 1.0 <= time.monotonic() - started < 5


def test_retry_after_may_be_a_date() -> None:
    def rule(body: dict[str, Any], before: int) -> Sent:
        then = email.utils.formatdate(time.time() + 3, usegmt=True)
        return busy(Retry_After=then) if before == 0 else shout(body, before)

    answer, _ = one(rule)
    assert answer.text == "HELLO"


def test_an_endpoint_that_stays_busy_is_given_up() -> None:
    answer, server = one(lambda body, before: busy(Retry_After="0"), attempts=3)
    assert answer.finish == "failed"
    assert answer.problem.startswith("rate_limited: answered 429")
    assert answer.problem.endswith("(3 attempts)")
    assert len(server.asked) == 3


def test_nobody_waits_an_hour() -> None:
    started = time.monotonic()
    answer, server = one(lambda body, before: busy(Retry_After="3600"))
    assert "with a wait of 3600 s" in answer.problem
    assert len(server.asked) == 1
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("sent", "problem", "attempts"),
    [
        (html(), "not_json: answered text/html that is not JSON: <!doctype html><h1>Bad", 2),
        (html(502), "status: answered 502", 2),
        (plain({"error": "context too long"}, 400), "status: answered 400: {", 1),
        (plain({"object": "error"}), "malformed: answered JSON without choices", 1),
        (plain({"choices": []}), "malformed", 1),
        (plain([1]), "malformed", 1),
        (plain({"choices": [{"text": 3, "finish_reason": "stop"}]}), "malformed", 1),
        (plain({"choices": [{"text": "x", "finish_reason": "lunch"}]}), "malformed", 1),
        (reply("x", "content_filter"), "filtered: its content filter", 1),
        (Sent(b'{"choices": [' + b"[" * 100_000), "not_json", 2),
        (Sent(reply("hello").body, cut=True), "unreachable: cannot be reached: RemoteProtocol", 2),
        (Sent(reply("hello").body, delay=5), "timeout: no complete answer within 0.4 s", 2),
        (Sent(reply("hello").body, drip=0.05), "timeout: no complete answer within 0.4 s", 2),
        (Sent(b" " * 9_000_000), "malformed: answered more than 8000000 bytes", 1),
    ],
)
def test_each_way_to_fail_is_named(sent: Sent, problem: str, attempts: int) -> None:
    answer, server = one(lambda body, before: sent, timeout=0.4, attempts=2)
    assert answer.problem.startswith(problem)
    assert (answer.text, answer.tokens, answer.finish) == ("", 0, "failed")
    assert len(server.asked) == attempts
    assert "\x1b" not in answer.problem
    assert "\n" not in answer.problem


def test_one_bad_row_spoils_no_other() -> None:
    def rule(body: dict[str, Any], before: int) -> Sent:
        return html() if body["prompt"] == "row 2" else shout(body, before)

    answers, _ = ask(rule, *(f"row {number}" for number in range(5)), attempts=1)
    assert [answer.finish for answer in answers] == ["stop", "stop", "failed", "stop", "stop"]


def test_nobody_listening_is_an_outcome() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with OpenAIEngine(Endpoint(url, "tiny", attempts=1)) as engine:
            (answer,) = engine.generate(["hello"], max_new_tokens=3)
    assert answer.problem.startswith("unreachable: cannot be reached")


@pytest.mark.parametrize("status", [301, 401, 403, 404])
def test_what_would_fail_for_every_row_is_said_once(status: int) -> None:
    def rule(body: dict[str, Any], before: int) -> Sent:
        return plain({"error": "no"}, status, Location="http://example.org/")

    with pytest.raises(UserError, match=f"completions: answered {status}"):
        ask(rule, *(f"row {number}" for number in range(50)))


def test_the_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_KEY", "sk-secret\n")
    with endpoint_server(shout) as server:
        endpoint = Endpoint.from_environment(server.base_url, "tiny", key_variable="HOUSE_KEY")
        with OpenAIEngine(endpoint) as engine:
            engine.generate(["x"], max_new_tokens=3)
            assert "sk-secret" not in engine.version
    assert server.asked[0][1]["Authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in repr(endpoint) + endpoint.named


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("ftp://host/v1", "", "is not an http or https address"),
        ("host/v1", "", "is not an http or https address"),
        ("https://user:word@host/v1", "", "without user"),
        ("https://host:port/v1", "", "is not an http or https address"),
        ("http://host.example/v1", "sk-1", "unencrypted"),
        ("https://host.example/v1", "sk 1", "characters that a key cannot have"),
    ],
)
def test_an_address_or_key_that_is_none_is_refused(url: str, key: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Endpoint(url, "tiny", key=key)
