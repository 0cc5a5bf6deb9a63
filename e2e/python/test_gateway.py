"""What does not depend on where a request goes: names, keys, lists, clients that leave."""

import json

import anthropic
import openai
import pytest

import lanes
from clients import SDKS, OpenAI
from harness import Gateway, Sim, run, until


@pytest.fixture(params=SDKS, ids=lambda sdk: sdk.name)
def sdk(request):
    return request.param


def test_models_are_listed(chat, messages):
    every = {one.model for one in lanes.LANES}
    assert every <= {model.id for model in chat.models.list()}
    assert every <= {model.id for model in messages.models.list()}
    for one in every:
        assert chat.models.retrieve(one).id == one
        assert messages.models.retrieve(one).id == one


def test_an_unknown_model_is_not_found(gateway, sdk):
    with sdk(gateway.url) as client, pytest.raises(client.errors.NotFoundError) as refused:
        client.ask("no-such-model", "hello", streamed=False)
    assert "no-such-model" in str(refused.value)
    assert len(client.sent) == 1
    request_id = refused.value.response.headers["x-tieline-request-id"]
    assert refused.value.request_id == request_id
    record = gateway.record(request_id)
    assert (record["outcome"], record["status"]) == ("refused", 404)


def test_an_unknown_model_in_a_list_is_not_found(chat, messages):
    with pytest.raises(openai.NotFoundError):
        chat.models.retrieve("no-such-model")
    with pytest.raises(anthropic.NotFoundError):
        messages.models.retrieve("no-such-model")


def test_a_header_names_the_feature(gateway):
    with OpenAI(gateway.url) as client:
        raw = client.sdk.chat.completions.with_raw_response.create(
            model="whatever",
            messages=[{"role": "user", "content": "echo: hello"}],
            extra_headers={"x-tieline-feature": "by-anthropic"},
        )
    assert raw.headers["x-tieline-deployment"] == "by-anthropic@anthropic"


@pytest.fixture
def slow(tmp_path):
    """A gateway over a provider that takes its time over long answers."""
    sim = Sim(
        tmp_path,
        *lanes.SIMULATED,
        options=("--per-token", "50ms", "--reply-tokens", "400..400"),
    )
    try:
        gateway = lanes.serve(tmp_path, sim, {one.model: [one.entry()] for one in lanes.LANES})
        try:
            yield gateway
        finally:
            gateway.kill()
    finally:
        sim.kill()


def test_a_client_that_leaves_is_recorded_as_such(slow, sdk):
    for lane in lanes.LANES:
        with sdk(slow.url) as client:
            stream = client.open(lane.model, "Tell me a long story.")
            request_id = stream.response.headers["x-tieline-request-id"]
            assert next(client.pieces(stream))
            stream.close()
        record = slow.record(request_id)
        assert (lane.model, record["outcome"]) == (lane.model, "cancelled")
        # It ended with the client, not with the twenty seconds that the answer takes.
        assert record["duration_us"] < 15_000_000


def test_open_streams_end_before_the_process_does(slow, sdk):
    with sdk(slow.url) as client:
        stream = client.open("by-openai-chat", "echo: " + "word " * 20)
        pieces = client.pieces(stream)
        said = [next(pieces)]
        slow.child.terminate()
        said.extend(pieces)
    assert "".join(said).split() == ["word"] * 20
    assert slow.child.wait(30) == 0


@pytest.fixture
def locked(tmp_path):
    """A gateway that asks for keys, and a key that may use one feature."""
    sim = Sim(tmp_path, *lanes.SIMULATED)
    try:
        models = {one.model: [one.entry()] for one in lanes.LANES}
        gateway = lanes.serve(tmp_path, sim, models)
        try:
            created = run(
                *("key", "create", "caller", "--feature", "by-openai-chat"),
                *("--config", gateway.config, "--format", "json"),
            )
            assert created.returncode == 0, created.stderr
            yield gateway, json.loads(created.stdout)["key"]
        finally:
            gateway.kill()
    finally:
        sim.kill()


def test_keys_open_what_they_are_for(locked, sdk):
    gateway, key = locked

    def refusal(key, model):
        with sdk(gateway.url, key) as client:
            try:
                client.ask(model, "echo: hello", streamed=False)
            except client.errors.APIStatusError as error:
                # A refusal is not tried again.
                assert len(client.sent) == 1
                return type(error).__name__

    # A key that was made while the gateway runs is taken up soon, not at once.
    until(lambda: refusal("sk-wrong", "by-openai-chat") == "AuthenticationError")
    assert refusal(key, "by-openai-chat") is None
    assert refusal(key, "by-anthropic") == "PermissionDeniedError"


def test_anthropic_counts_tokens_as_messages_do(messages):
    question = {"model": "by-anthropic", "messages": [{"role": "user", "content": "hello " * 50}]}
    counted = messages.messages.count_tokens(**question).input_tokens
    message = messages.messages.create(**question, max_tokens=10)
    assert counted == message.usage.input_tokens
