"""OpenAI's SDK (Chat Completions) over every kind of provider."""

import json

import jsonschema
import openai
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

FUNCTIONS = [
    {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": schema},
    }
    for name, description, schema in TOOLS
]


class Ticket(BaseModel):
    title: str
    priority: str
    open: bool


def user(content) -> dict:
    return {"role": "user", "content": content}


def assert_consistent(usage) -> None:
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_chat(chat, lane):
    raw = chat.chat.completions.with_raw_response.create(
        model=lane.model, messages=[user(f"echo: {SAID}")]
    )
    completion = raw.parse()
    (choice,) = completion.choices
    assert (choice.message.role, choice.message.content) == ("assistant", SAID)
    assert choice.finish_reason == "stop"
    assert completion.object == "chat.completion"
    assert completion.id
    assert completion.model in (lane.model, lane.name)
    assert_consistent(completion.usage)


def test_headers_say_what_happened(chat, gateway, lane):
    raw = chat.chat.completions.with_raw_response.create(
        model=lane.model, messages=[user("echo: hello")]
    )
    told = raw.headers
    assert told["x-tieline-feature"] == lane.model
    assert told["x-tieline-tier"] == "models"
    assert told["x-tieline-deployment"] == lane.deployment
    assert told["x-tieline-attempts"] == "1"
    assert told["x-tieline-request-id"] == told["x-request-id"]
    assert "x-tieline-loss" not in told
    record = gateway.record(told["x-tieline-request-id"])
    assert (record["outcome"], record["deployment"]) == ("served", lane.deployment)
    assert record["usage"]["input"] == raw.parse().usage.prompt_tokens


def test_stream(chat, lane):
    chunks = list(
        chat.chat.completions.create(
            model=lane.model,
            messages=[user(f"echo: {SAID} {LONG}")],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    text = [delta.content for delta in deltas if delta.content]
    assert "".join(text) == f"{SAID} {LONG}"
    assert len(text) > 1
    assert [delta.role for delta in deltas if delta.role] == ["assistant"]
    reasons = [one.finish_reason for chunk in chunks for one in chunk.choices]
    assert [reason for reason in reasons if reason] == ["stop"]
    (usage,) = [chunk.usage for chunk in chunks if chunk.usage]
    assert_consistent(usage)
    assert len({chunk.id for chunk in chunks if chunk.choices}) == 1


def test_stream_without_usage(chat, lane):
    stream = chat.chat.completions.create(
        model=lane.model, messages=[user("echo: hello")], stream=True
    )
    assert [chunk.usage for chunk in stream if chunk.usage] == []


def test_stream_helper(chat, lane):
    with chat.chat.completions.stream(
        model=lane.model,
        messages=[user(f"echo: {SAID}")],
        stream_options={"include_usage": True},
    ) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        completion = stream.get_final_completion()
    assert "".join(deltas) == SAID
    (choice,) = completion.choices
    assert (choice.message.content, choice.finish_reason) == (SAID, "stop")
    assert_consistent(completion.usage)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_parallel_tools_and_their_results(chat, lane, streamed):
    def turn(messages):
        ask = {"model": lane.model, "messages": messages, "tools": FUNCTIONS}
        if not streamed:
            return chat.chat.completions.create(**ask)
        with chat.chat.completions.stream(**ask) as stream:
            return stream.get_final_completion()

    asked = [user("What is the weather, and how is the stock?")]
    (choice,) = turn(asked).choices
    assert choice.finish_reason == "tool_calls"
    calls = choice.message.tool_calls
    assert [call.function.name for call in calls] == list(RESULTS)
    assert len({call.id for call in calls}) == 2
    for call in calls:
        jsonschema.validate(json.loads(call.function.arguments), SCHEMAS[call.function.name])

    results = [
        {"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]}
        for call in calls
    ]
    said = {
        "role": "assistant",
        "content": choice.message.content,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ],
    }
    (choice,) = turn([*asked, said, *results]).choices
    assert choice.finish_reason == "stop"
    for result in RESULTS.values():
        assert result in choice.message.content


def test_tool_choice(chat, lane):
    def calls(choice):
        completion = chat.chat.completions.create(
            model=lane.model, messages=[user("Go on.")], tools=FUNCTIONS, tool_choice=choice
        )
        made = completion.choices[0].message.tool_calls or []
        return [call.function.name for call in made]

    assert calls("none") == []
    assert calls({"type": "function", "function": {"name": "get_stock"}}) == ["get_stock"]


def test_json_schema(chat, lane):
    completion = chat.chat.completions.create(
        model=lane.model,
        messages=[user("Summarise the ticket.")],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": ANSWER, "strict": True},
        },
    )
    jsonschema.validate(json.loads(completion.choices[0].message.content), ANSWER)


def test_parsed_into_a_class(chat, lane):
    completion = chat.chat.completions.parse(
        model=lane.model, messages=[user("Summarise the ticket.")], response_format=Ticket
    )
    assert isinstance(completion.choices[0].message.parsed, Ticket)


def image(url: str) -> list[dict]:
    return [
        user(
            [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": url}},
            ]
        )
    ]


def test_image(chat, lane):
    completion = chat.chat.completions.create(
        model=lane.model, messages=image(f"data:image/png;base64,{PNG_BASE64}")
    )
    assert SAW_PNG in completion.choices[0].message.content


def test_image_by_address(chat, lane):
    ask = lambda: chat.chat.completions.create(model=lane.model, messages=image(IMAGE_URL))
    if lane.urls:
        assert f"at {IMAGE_URL}" in ask().choices[0].message.content
    else:
        # Tieline fetches for such a provider, but never from a private address.
        with pytest.raises(openai.BadRequestError, match="cannot fetch"):
            ask()


def test_document(chat, lane):
    document = {
        "filename": "report.pdf",
        "file_data": f"data:application/pdf;base64,{PDF_BASE64}",
    }
    completion = chat.chat.completions.create(
        model=lane.model,
        messages=[
            user([{"type": "text", "text": "Read this."}, {"type": "file", "file": document}])
        ],
    )
    assert SAW_PDF in completion.choices[0].message.content


@pytest.mark.parametrize("role", ["system", "developer"])
def test_system_prompt_reaches_the_model(chat, lane, role):
    def input_tokens(*before):
        completion = chat.chat.completions.create(
            model=lane.model, messages=[*before, user("echo: hello")]
        )
        return completion.usage.prompt_tokens

    # The simulator counts a token for four bytes.
    more = input_tokens({"role": role, "content": "Be brief. " * 40}) - input_tokens()
    assert 95 <= more <= 105


def test_length_finish(chat, lane):
    (choice,) = chat.chat.completions.create(
        model=lane.model, messages=[user(f"echo: {LONG}")], max_completion_tokens=16
    ).choices
    assert choice.finish_reason == "length"
    assert choice.message.content == LONG[: 16 * 4]


def test_length_finish_of_a_stream(chat, lane):
    stream = chat.chat.completions.create(
        model=lane.model, messages=[user(f"echo: {LONG}")], max_completion_tokens=16, stream=True
    )
    choices = [chunk.choices[0] for chunk in stream if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == LONG[: 16 * 4]
    assert [one.finish_reason for one in choices if one.finish_reason] == ["length"]


def test_stop_sequence(chat, lane):
    ask = lambda: chat.chat.completions.create(
        model=lane.model, messages=[user("echo: before HALT after")], stop=["HALT"]
    )
    if lane.stops:
        (choice,) = ask().choices
        assert (choice.message.content, choice.finish_reason) == ("before ", "stop")
    else:
        # What a wire format cannot carry is refused, never dropped in silence.
        with pytest.raises(openai.BadRequestError) as refused:
            ask()
        assert refused.value.param == "stop"


def test_bad_request(chat, lane):
    with pytest.raises(openai.BadRequestError) as refused:
        chat.chat.completions.create(
            model=lane.model, messages=[{"role": "nobody", "content": "hello"}]
        )
    assert refused.value.type == "invalid_request_error"
    assert refused.value.request_id
