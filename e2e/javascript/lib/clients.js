// Both SDKs behind one set of verbs, for tests of what does not depend on the dialect.

import Anthropic, * as anthropic from "@anthropic-ai/sdk";
import OpenAI, * as openai from "openai";

/** One of the SDKs, as its users have it: with its own retries switched on. */
class Client {
  /** How many HTTP requests the SDK sent. */
  sent = 0;

  constructor(url, key = "any") {
    const fetch = (...args) => {
      this.sent += 1;
      return globalThis.fetch(...args);
    };
    this.sdk = this.connect(url, { apiKey: key, fetch });
  }

  /** One question, answered whole or as a stream that was read to its end. */
  async ask(model, text, streamed) {
    if (!streamed) return this.whole(model, text);
    const { stream, headers } = await this.open(model, text);
    let said = "";
    for await (const piece of this.pieces(stream)) said += piece;
    return { text: said, headers };
  }

  /** A stream to be read piece by piece, and its headers. */
  async open(model, text) {
    const { data, response } = await this.send(model, text, true).withResponse();
    return { stream: data, headers: response.headers };
  }

  async whole(model, text) {
    const { data, response } = await this.send(model, text, false).withResponse();
    return { text: this.textOf(data), headers: response.headers };
  }
}

class OpenAIClient extends Client {
  static label = "openai";
  errors = openai;
  /** What a fault in the middle of a stream is raised as. */
  broken = openai.APIError;

  connect(url, options) {
    return new OpenAI({ ...options, baseURL: `${url}/v1` });
  }

  send(model, content, stream) {
    const messages = [{ role: "user", content }];
    return this.sdk.chat.completions.create({ model, messages, stream });
  }

  textOf(completion) {
    return completion.choices[0].message.content;
  }

  async *pieces(stream) {
    for await (const chunk of stream) {
      for (const choice of chunk.choices) {
        if (choice.delta.content) yield choice.delta.content;
      }
    }
  }
}

class AnthropicClient extends Client {
  static label = "anthropic";
  errors = anthropic;
  /** What a fault in the middle of a stream is raised as. */
  broken = anthropic.APIError;

  connect(url, options) {
    return new Anthropic({ ...options, baseURL: url });
  }

  send(model, content, stream) {
    const messages = [{ role: "user", content }];
    return this.sdk.messages.create({ model, max_tokens: 2000, messages, stream });
  }

  textOf(message) {
    return message.content.map((block) => block.text).join("");
  }

  async *pieces(stream) {
    for await (const event of stream) {
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
        yield event.delta.text;
      }
    }
  }
}

export const CLIENTS = [OpenAIClient, AnthropicClient];
