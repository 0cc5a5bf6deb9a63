"""Both SDKs behind one set of verbs, for tests of what does not depend on the dialect."""

from dataclasses import dataclass

import anthropic
import openai


@dataclass
class Answer:
    """A complete answer and the headers it came with."""

    text: str
    headers: dict[str, str]


class Client:
    """One of the SDKs, as its users have it: with its own retries switched on."""

    def __init__(self, url: str, key: str = "any", **options):
        #: Every HTTP request the SDK sent.
        self.sent = []
        hooks = {"request": [self.sent.append]}
        self.sdk = self.connect(url, hooks, api_key=key, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sdk.close()

    def ask(self, model: str, text: str, streamed: bool) -> Answer:
        """One question, answered whole or as a stream that was read to its end."""
        return self.streamed(model, text) if streamed else self.whole(model, text)


class OpenAI(Client):
    """OpenAI's SDK."""

    name = "openai"
    errors = openai
    #: What a fault in the middle of a stream is raised as.
    broken = openai.APIError

    @staticmethod
    def connect(url: str, hooks: dict, **options) -> openai.OpenAI:
        http = openai.DefaultHttpxClient(event_hooks=hooks)
        return openai.OpenAI(base_url=f"{url}/v1", http_client=http, **options)

    @staticmethod
    def _messages(text: str) -> list[dict]:
        return [{"role": "user", "content": text}]

    def whole(self, model: str, text: str) -> Answer:
        raw = self.sdk.chat.completions.with_raw_response.create(
            model=model, messages=self._messages(text)
        )
        return Answer(raw.parse().choices[0].message.content, dict(raw.headers))

    def streamed(self, model: str, text: str) -> Answer:
        with self.open(model, text) as stream:
            return Answer("".join(self.pieces(stream)), dict(stream.response.headers))

    def open(self, model: str, text: str):
        """A stream to be read piece by piece."""
        return self.sdk.chat.completions.create(
            model=model, messages=self._messages(text), stream=True
        )

    @staticmethod
    def pieces(stream):
        """The pieces of text of a stream."""
        for chunk in stream:
            for choice in chunk.choices:
                if choice.delta.content:
                    yield choice.delta.content


class Anthropic(Client):
    """Anthropic's SDK."""

    name = "anthropic"
    errors = anthropic
    #: What a fault in the middle of a stream is raised as.
    broken = anthropic.APIStatusError

    @staticmethod
    def connect(url: str, hooks: dict, **options) -> anthropic.Anthropic:
        http = anthropic.DefaultHttpxClient(event_hooks=hooks)
        return anthropic.Anthropic(base_url=url, http_client=http, **options)

    @staticmethod
    def _request(model: str, text: str) -> dict:
        return {
            "model": model,
            "max_tokens": 2000,
            "messages": [{"role": "user", "content": text}],
        }

    def whole(self, model: str, text: str) -> Answer:
        raw = self.sdk.messages.with_raw_response.create(**self._request(model, text))
        blocks = raw.parse().content
        return Answer("".join(block.text for block in blocks), dict(raw.headers))

    def streamed(self, model: str, text: str) -> Answer:
        with self.open(model, text) as stream:
            return Answer("".join(self.pieces(stream)), dict(stream.response.headers))

    def open(self, model: str, text: str):
        """A stream to be read piece by piece."""
        return self.sdk.messages.create(**self._request(model, text), stream=True)

    @staticmethod
    def pieces(stream):
        """The pieces of text of a stream."""
        for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield event.delta.text


SDKS = (OpenAI, Anthropic)
