"""The official SDKs of every provider take the simulated ones for real."""

import json

import anthropic
import boto3
import botocore.exceptions
import jsonschema
import openai
import pytest
from botocore.config import Config
from openai.providers import bedrock

import lanes
from harness import Sim
from material import RESULTS, SAID, SCHEMAS, TOOLS

MODEL = "us.anthropic.claude-sonnet-5-v1:0"


@pytest.fixture(scope="module")
def urls(tmp_path_factory) -> dict[str, str]:
    """Where the simulated providers are."""
    sim = Sim(tmp_path_factory.mktemp("sim"), *lanes.SIMULATED)
    yield sim.urls
    sim.kill()


@pytest.fixture(scope="module")
def runtime(urls):
    """Amazon's SDK, which signs its requests."""
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=urls["bedrock"],
        aws_access_key_id="AKIDSIMULATED",
        aws_secret_access_key="simulated",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def openai_clients(urls):
    """OpenAI's SDK in each of the ways it reaches OpenAI's models."""
    return {
        "openai": openai.OpenAI(api_key="k", base_url=f"{urls['openai']}/v1"),
        "compatible": openai.OpenAI(api_key="k", base_url=f"{urls['compatible']}/v1"),
        "azure": openai.OpenAI(api_key="k", base_url=f"{urls['azure']}/openai/v1"),
        "azure-dated": openai.AzureOpenAI(
            api_key="k", azure_endpoint=urls["azure"], api_version="2025-04-01-preview"
        ),
        "bedrock": openai.OpenAI(api_key="k", base_url=f"{urls['bedrock']}/openai/v1"),
        "bedrock-mantle": openai.OpenAI(
            provider=bedrock(
                endpoint="mantle",
                region="us-east-1",
                api_key="k",
                base_url=f"{urls['bedrock']}/openai/v1",
            )
        ),
    }


WAYS = ("openai", "compatible", "azure", "azure-dated", "bedrock", "bedrock-mantle")


@pytest.fixture(params=WAYS)
def sdk(request, urls):
    clients = openai_clients(urls)
    yield clients[request.param]
    for client in clients.values():
        client.close()


@pytest.fixture(params=["direct", "bedrock-mantle"])
def claude(request, urls):
    if request.param == "direct":
        client = anthropic.Anthropic(api_key="k", base_url=urls["anthropic"])
    else:
        client = anthropic.AnthropicBedrockMantle(
            api_key="k", aws_region="us-east-1", base_url=f"{urls['bedrock']}/anthropic"
        )
    with client:
        yield client


def test_chat(sdk):
    request = {"model": "gpt-5.5", "messages": [{"role": "user", "content": f"echo: {SAID}"}]}
    completion = sdk.chat.completions.create(**request)
    assert completion.choices[0].message.content == SAID
    with sdk.chat.completions.stream(**request) as stream:
        assert stream.get_final_completion().choices[0].message.content == SAID


def test_chat_tools(sdk):
    functions = [
        {
            "type": "function",
            "function": {
                "name": name,
                "description": description,
                "parameters": schema,
                "strict": True,
            },
        }
        for name, description, schema in TOOLS
    ]
    with sdk.chat.completions.stream(
        model="gpt-5.5", messages=[{"role": "user", "content": "Go on."}], tools=functions
    ) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert [call.function.name for call in calls] == list(SCHEMAS)
    for call in calls:
        jsonschema.validate(json.loads(call.function.arguments), SCHEMAS[call.function.name])


def test_responses(sdk):
    request = {"model": "gpt-5.5", "input": f"echo: {SAID}"}
    response = sdk.responses.create(**request)
    assert (response.status, response.output_text) == ("completed", SAID)
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    with sdk.responses.stream(**request) as stream:
        events = list(stream)
        final = stream.get_final_response()
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == final.output_text == SAID
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_responses_tools(sdk):
    functions = [
        {"type": "function", "name": name, "description": description, "parameters": schema}
        for name, description, schema in TOOLS
    ]
    asked = [{"role": "user", "content": "Go on."}]
    with sdk.responses.stream(model="gpt-5.5", input=asked, tools=functions) as stream:
        output = stream.get_final_response().output
    calls = [item for item in output if item.type == "function_call"]
    assert [call.name for call in calls] == list(SCHEMAS)
    said = [
        {
            "type": "function_call",
            "call_id": call.call_id,
            "name": call.name,
            "arguments": call.arguments,
        }
        for call in calls
    ]
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": RESULTS[call.name]}
        for call in calls
    ]
    response = sdk.responses.create(
        model="gpt-5.5", input=[*asked, *said, *results], tools=functions
    )
    for result in RESULTS.values():
        assert result in response.output_text


def test_openai_errors(urls):
    with openai.OpenAI(api_key="k", base_url=f"{urls['openai']}/v1", max_retries=0) as client:
        for fault, raised in (
            ("status=429", openai.RateLimitError),
            ("status=401", openai.AuthenticationError),
            ("status=500", openai.InternalServerError),
            ("refuse", openai.APIConnectionError),
        ):
            with pytest.raises(raised):
                client.responses.create(
                    model="gpt-5.5", input="hello", extra_headers={"x-sim-fault": fault}
                )


def test_messages(claude):
    request = {
        "model": "claude-sonnet-5",
        "max_tokens": 500,
        "messages": [{"role": "user", "content": f"echo: {SAID}"}],
    }
    assert claude.messages.create(**request).content[0].text == SAID
    with claude.messages.stream(**request) as stream:
        assert "".join(stream.text_stream) == SAID
        assert stream.get_final_message().stop_reason == "end_turn"


def test_messages_thinking(claude):
    with claude.messages.stream(
        model="claude-sonnet-5",
        max_tokens=4000,
        thinking={"type": "adaptive", "display": "summarized"},
        output_config={"effort": "high"},
        messages=[{"role": "user", "content": "echo: thought through"}],
    ) as stream:
        thinking, text = stream.get_final_message().content
    assert thinking.type == "thinking" and thinking.thinking and thinking.signature
    assert text.text == "thought through"


def test_anthropic_errors(urls):
    with anthropic.Anthropic(api_key="k", base_url=urls["anthropic"], max_retries=0) as client:
        for fault, raised in (
            ("status=529", anthropic.OverloadedError),
            ("status=404", anthropic.NotFoundError),
            ("refuse", anthropic.APIConnectionError),
        ):
            with pytest.raises(raised):
                client.messages.create(
                    model="claude-sonnet-5",
                    max_tokens=10,
                    messages=[{"role": "user", "content": "hello"}],
                    extra_headers={"x-sim-fault": fault},
                )


def said(text: str) -> list[dict]:
    return [{"role": "user", "content": [{"text": text}]}]


def test_converse(runtime):
    answer = runtime.converse(modelId=MODEL, messages=said(f"echo: {SAID}"))
    assert answer["output"]["message"]["content"] == [{"text": SAID}]
    assert answer["stopReason"] == "end_turn"
    usage = answer["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]


def test_converse_stream(runtime):
    answer = runtime.converse_stream(modelId=MODEL, messages=said(f"echo: {SAID}"))
    events = list(answer["stream"])
    deltas = [event["contentBlockDelta"] for event in events if "contentBlockDelta" in event]
    assert "".join(delta["delta"]["text"] for delta in deltas) == SAID
    (stop,) = [event["messageStop"] for event in events if "messageStop" in event]
    assert stop["stopReason"] == "end_turn"
    (metadata,) = [event["metadata"] for event in events if "metadata" in event]
    assert metadata["usage"]["outputTokens"] > 0


def converse_tools() -> dict:
    tools = [
        {
            "toolSpec": {
                "name": name,
                "description": description,
                "inputSchema": {"json": schema},
            }
        }
        for name, description, schema in TOOLS
    ]
    return {"tools": tools}


def gathered(stream) -> list[dict]:
    """The content blocks of a stream."""
    blocks: dict[int, dict] = {}
    for event in stream:
        if start := event.get("contentBlockStart"):
            blocks[start["contentBlockIndex"]] = dict(start["start"]["toolUse"], input="")
        elif delta := event.get("contentBlockDelta"):
            blocks[delta["contentBlockIndex"]]["input"] += delta["delta"]["toolUse"]["input"]
    return [
        {"toolUse": block | {"input": json.loads(block["input"])}} for block in blocks.values()
    ]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_converse_tools(runtime, streamed):
    request = {"modelId": MODEL, "messages": said("Go on."), "toolConfig": converse_tools()}
    if streamed:
        blocks = gathered(runtime.converse_stream(**request)["stream"])
    else:
        blocks = runtime.converse(**request)["output"]["message"]["content"]
    calls = [block["toolUse"] for block in blocks]
    assert [call["name"] for call in calls] == list(SCHEMAS)
    for call in calls:
        jsonschema.validate(call["input"], SCHEMAS[call["name"]])

    asked = [{key: call[key] for key in ("toolUseId", "name", "input")} for call in calls]
    results = [
        {
            "toolResult": {
                "toolUseId": call["toolUseId"],
                "content": [{"text": RESULTS[call["name"]]}],
            }
        }
        for call in calls
    ]
    request["messages"] += [
        {"role": "assistant", "content": [{"toolUse": call} for call in asked]},
        {"role": "user", "content": results},
    ]
    answer = runtime.converse(**request)
    text = answer["output"]["message"]["content"][0]["text"]
    for result in RESULTS.values():
        assert result in text


def test_converse_errors(runtime):
    def struck(fault, call, **request):
        def add(request, **_):
            request.headers["x-sim-fault"] = fault

        events = runtime.meta.events
        events.register("before-send.bedrock-runtime", add)
        try:
            return call(modelId=MODEL, messages=said(f"echo: {SAID}"), **request)
        finally:
            events.unregister("before-send.bedrock-runtime", add)

    with pytest.raises(runtime.exceptions.ThrottlingException):
        struck("status=429", runtime.converse)
    with pytest.raises(runtime.exceptions.AccessDeniedException):
        struck("status=403", runtime.converse)
    stream = struck(
        "in-band=modelStreamErrorException,after=1", runtime.converse_stream
    )["stream"]
    with pytest.raises(botocore.exceptions.EventStreamError, match="odelStreamError"):
        list(stream)
