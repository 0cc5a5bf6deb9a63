"""Anthropic's SDK (Messages) over every kind of provider."""

import json

import anthropic
import jsonschema
import pytest
from pydantic import BaseModel

from material import (
    ANSWER,
    IMAGE_URL,
    LONG,
    PDF_BASE64,
    PNG_BASE64,
    RESULTS,
    SAID,
    SAW_PDF,
    SAW_PNG,
    SCHEMAS,
    TOOLS,
)

DECLARED = [
    {"name": name, "description": description, "input_schema": schema}
    for name, description, schema in TOOLS
]


class Ticket(BaseModel):
    title: str
    priority: str
    open: bool


def user(content) -> dict:
    return {"role": "user", "content": content}


def ask(lane, content, **more) -> dict:
    return {"model": lane.model, "max_tokens": 1000, "messages": [user(content)]} | more


def text_of(message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def assert_consistent(usage) -> None:
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0


def test_message(messages, lane):
    message = messages.messages.create(**ask(lane, f"echo: {SAID}"))
    assert (message.type, message.role) == ("message", "assistant")
    assert text_of(message) == SAID
    assert message.stop_reason == "end_turn"
    assert message.id
    assert message.model in (lane.model, lane.name)
    assert_consistent(message.usage)


def test_headers_say_what_happened(messages, gateway, lane):
    raw = messages.messages.with_raw_response.create(**ask(lane, "echo: hello"))
    told = raw.headers
    assert told["x-tieline-feature"] == lane.model
    assert told["x-tieline-tier"] == "models"
    assert told["x-tieline-deployment"] == lane.deployment
    assert told["x-tieline-attempts"] == "1"
    assert told["x-tieline-request-id"] == told["request-id"]
    record = gateway.record(told["request-id"])
    assert (record["outcome"], record["deployment"]) == ("served", lane.deployment)
    assert record["usage"]["input"] == raw.parse().usage.input_tokens


def test_stream(messages, lane):
    with messages.messages.create(**ask(lane, f"echo: {SAID} {LONG}"), stream=True) as stream:
        events = list(stream)
    kinds = [event.type for event in events if event.type != "ping"]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert kinds.count("message_start") == kinds.count("message_delta") == 1
    deltas = [event.delta.text for event in events if event.type == "content_block_delta"]
    assert "".join(deltas) == f"{SAID} {LONG}"
    assert len(deltas) > 1
    (end,) = [event for event in events if event.type == "message_delta"]
    assert end.delta.stop_reason == "end_turn"
    assert end.usage.output_tokens > 0


def test_stream_helper(messages, lane):
    with messages.messages.stream(**ask(lane, f"echo: {SAID}")) as stream:
        assert "".join(stream.text_stream) == SAID
        message = stream.get_final_message()
    assert (text_of(message), message.stop_reason) == (SAID, "end_turn")
    assert_consistent(message.usage)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_parallel_tools_and_their_results(messages, lane, streamed):
    def turn(conversation):
        request = {
            "model": lane.model,
            "max_tokens": 1000,
            "messages": conversation,
            "tools": DECLARED,
        }
        if not streamed:
            return messages.messages.create(**request)
        with messages.messages.stream(**request) as stream:
            return stream.get_final_message()

    asked = [user("What is the weather, and how is the stock?")]
    message = turn(asked)
    assert message.stop_reason == "tool_use"
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.name for call in calls] == list(RESULTS)
    assert len({call.id for call in calls}) == 2
    for call in calls:
        jsonschema.validate(call.input, SCHEMAS[call.name])

    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": RESULTS[call.name]}
        for call in calls
    ]
    said = {"role": "assistant", "content": message.content}
    message = turn([*asked, said, user(results)])
    assert message.stop_reason == "end_turn"
    for result in RESULTS.values():
        assert result in text_of(message)


def test_tool_choice(messages, lane):
    def calls(choice):
        message = messages.messages.create(
            **ask(lane, "Go on.", tools=DECLARED, tool_choice=choice)
        )
        return [block.name for block in message.content if block.type == "tool_use"]

    assert calls({"type": "none"}) == []
    assert calls({"type": "tool", "name": "get_stock"}) == ["get_stock"]
    assert calls({"type": "any"}) == list(RESULTS)


def test_one_tool_at_a_time(messages, lane):
    one = {"type": "any", "disable_parallel_tool_use": True}
    raw = messages.messages.with_raw_response.create(
        **ask(lane, "Go on.", tools=DECLARED, tool_choice=one)
    )
    calls = [block for block in raw.parse().content if block.type == "tool_use"]
    if lane.model == "by-converse":
        # The wire format cannot say so, and the client is told.
        assert raw.headers["x-tieline-loss"] == "drop:parallel_tool_calls"
    else:
        assert len(calls) == 1


def test_json_schema(messages, lane):
    output = {"format": {"type": "json_schema", "schema": ANSWER}}
    message = messages.messages.create(**ask(lane, "Summarise.", output_config=output))
    jsonschema.validate(json.loads(text_of(message)), ANSWER)


def test_parsed_into_a_class(messages, lane):
    message = messages.messages.parse(**ask(lane, "Summarise."), output_format=Ticket)
    assert isinstance(message.parsed_output, Ticket)


def test_image(messages, lane):
    source = {"type": "base64", "media_type": "image/png", "data": PNG_BASE64}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    assert SAW_PNG in text_of(messages.messages.create(**ask(lane, content)))


def test_image_by_address(messages, lane):
    image = {"type": "image", "source": {"type": "url", "url": IMAGE_URL}}
    send = lambda: messages.messages.create(**ask(lane, [image]))
    if lane.urls or lane.model == "by-bedrock-messages":
        # On its own dialect a request travels untouched: what a provider does not take, it says.
        assert f"at {IMAGE_URL}" in text_of(send())
    else:
        # Tieline fetches for such a provider, but never from a private address.
        with pytest.raises(anthropic.BadRequestError, match="cannot fetch"):
            send()


def test_document(messages, lane):
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF_BASE64}
    content = [{"type": "document", "source": source}, {"type": "text", "text": "Read this."}]
    assert SAW_PDF in text_of(messages.messages.create(**ask(lane, content)))


def test_system_prompt_reaches_the_model(messages, lane):
    def input_tokens(**more):
        return messages.messages.create(**ask(lane, "echo: hello", **more)).usage.input_tokens

    # The simulator counts a token for four bytes.
    system = "Be brief. " * 40
    plain = input_tokens()
    assert 95 <= input_tokens(system=system) - plain <= 105
    assert 95 <= input_tokens(system=[{"type": "text", "text": system}]) - plain <= 105


def test_length_finish(messages, lane):
    message = messages.messages.create(**ask(lane, f"echo: {LONG}", max_tokens=16))
    assert (text_of(message), message.stop_reason) == (LONG[: 16 * 4], "max_tokens")
    assert message.usage.output_tokens == 16


def test_length_finish_of_a_stream(messages, lane):
    with messages.messages.stream(**ask(lane, f"echo: {LONG}", max_tokens=16)) as stream:
        message = stream.get_final_message()
    assert (text_of(message), message.stop_reason) == (LONG[: 16 * 4], "max_tokens")


def test_stop_sequence(messages, lane):
    request = ask(lane, "echo: before HALT after", stop_sequences=["HALT"])
    if not lane.stops:
        # What a wire format cannot carry is refused, never dropped in silence.
        with pytest.raises(anthropic.BadRequestError, match="stop"):
            messages.messages.create(**request)
        return
    message = messages.messages.create(**request)
    assert text_of(message) == "before "
    if lane.tells_stop:
        assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "HALT")
    else:
        assert message.stop_reason in ("stop_sequence", "end_turn")


def test_count_tokens(messages, lane):
    count = lambda text: messages.messages.count_tokens(
        model=lane.model, messages=[user(text)]
    ).input_tokens
    assert 0 < count("hello") < count(LONG)


def test_bad_request(messages, lane):
    with pytest.raises(anthropic.BadRequestError) as refused:
        messages.messages.create(
            model=lane.model, max_tokens=10, messages=[{"role": "nobody", "content": "hello"}]
        )
    assert refused.value.body["error"]["type"] == "invalid_request_error"
    assert refused.value.request_id
