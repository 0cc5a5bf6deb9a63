"""An application that knows Tieline's address and the name of a feature, and nothing else."""

import os

import anthropic
import openai

TIELINE = os.environ.get("TIELINE_URL", "http://127.0.0.1:8080")
# With API keys in Tieline's ledger (`tieline key create NAME`), one of those.
KEY = os.environ.get("TIELINE_KEY", "none-needed-on-this-machine")
QUESTION = [{"role": "user", "content": "echo: Hello from either provider."}]


def main() -> None:
    chat = openai.OpenAI(api_key=KEY, base_url=f"{TIELINE}/v1")

    # A whole answer, and who gave it.
    raw = chat.chat.completions.with_raw_response.create(model="assistant", messages=QUESTION)
    print("whole:   ", raw.parse().choices[0].message.content)
    print("answered:", raw.headers["x-tieline-deployment"])

    # A stream. The model of another vendor is another name, not another SDK.
    print("streamed: ", end="")
    stream = chat.chat.completions.create(
        model="claude-sonnet-5", messages=QUESTION, stream=True
    )
    for chunk in stream:
        for choice in chunk.choices:
            print(choice.delta.content or "", end="", flush=True)
    print()

    # The other vendor's SDK reaches the same features.
    messages = anthropic.Anthropic(api_key=KEY, base_url=TIELINE)
    message = messages.messages.create(model="gpt-5.5", max_tokens=200, messages=QUESTION)
    print("messages:", message.content[0].text)


if __name__ == "__main__":
    main()
