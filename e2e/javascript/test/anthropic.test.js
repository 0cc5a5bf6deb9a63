// Anthropic's SDK (Messages) over every kind of provider.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import Anthropic, { BadRequestError } from "@anthropic-ai/sdk";

import { LANES, serveLanes } from "../lib/lanes.js";
import {
  ANSWER, IMAGE_URL, LONG, PDF, PNG, RESULTS, SAID, SAW_PDF, SAW_PNG, SCHEMAS, TOOLS, assertFits,
  gather,
} from "../lib/material.js";

const DECLARED = TOOLS.map(({ name, description, schema }) => ({
  name,
  description,
  input_schema: schema,
}));

let stage;
let messages;

before(async () => {
  stage = await serveLanes();
  messages = new Anthropic({ apiKey: "any", baseURL: stage.gateway.url }).messages;
});
after(async () => {
  assert.equal(await stage.gateway.stop(), 0);
  await stage.end();
});

const user = (content) => ({ role: "user", content });
const textOf = ({ content }) =>
  content.filter(({ type }) => type === "text").map(({ text }) => text).join("");

function assertConsistent(usage) {
  assert.ok(usage.input_tokens > 0);
  assert.ok(usage.output_tokens > 0);
}

for (const lane of LANES) {
  const { model } = lane;
  const request = (content, more = {}) => ({
    model,
    max_tokens: 1000,
    messages: [user(content)],
    ...more,
  });
  const ask = (...args) => messages.create(request(...args));

  describe(model, () => {
    it("answers, and says in headers what happened", async () => {
      const { data, response } = await ask(`echo: ${SAID}`).withResponse();
      assert.equal(textOf(data), SAID);
      assert.equal(data.stop_reason, "end_turn");
      assert.ok([model, lane.name].includes(data.model), data.model);
      assertConsistent(data.usage);
      const told = (name) => response.headers.get(`x-tieline-${name}`);
      assert.equal(told("feature"), model);
      assert.equal(told("deployment"), lane.deployment);
      assert.equal(told("tier"), "models");
      assert.equal(told("attempts"), "1");
      const record = await stage.gateway.record(told("request-id"));
      assert.equal(record.outcome, "served");
      assert.equal(record.usage.input, data.usage.input_tokens);
    });

    it("streams", async () => {
      const text = `${SAID} ${LONG}`;
      const events = await gather(await ask(`echo: ${text}`, { stream: true }));
      const deltas = events.filter(({ type }) => type === "content_block_delta");
      assert.equal(deltas.map(({ delta }) => delta.text).join(""), text);
      assert.ok(deltas.length > 1);
      assert.equal(events[0].type, "message_start");
      assert.equal(events.at(-1).type, "message_stop");
      const [end, ...others] = events.filter(({ type }) => type === "message_delta");
      assert.deepEqual(others, []);
      assert.equal(end.delta.stop_reason, "end_turn");
      assert.ok(end.usage.output_tokens > 0);
    });

    it("streams through the helper", async () => {
      const deltas = [];
      const stream = messages.stream(request(`echo: ${SAID}`));
      stream.on("text", (delta) => deltas.push(delta));
      const message = await stream.finalMessage();
      assert.equal(deltas.join(""), SAID);
      assert.equal(textOf(message), SAID);
      assert.equal(message.stop_reason, "end_turn");
      assertConsistent(message.usage);
    });

    for (const streamed of [false, true]) {
      it(`calls tools in parallel, ${streamed ? "streamed" : "whole"}`, async () => {
        const turn = (conversation) => {
          const body = { model, max_tokens: 1000, messages: conversation, tools: DECLARED };
          return streamed ? messages.stream(body).finalMessage() : messages.create(body);
        };
        const asked = [user("What is the weather, and how is the stock?")];
        const first = await turn(asked);
        assert.equal(first.stop_reason, "tool_use");
        const calls = first.content.filter(({ type }) => type === "tool_use");
        assert.deepEqual(calls.map(({ name }) => name), Object.keys(RESULTS));
        assert.equal(new Set(calls.map(({ id }) => id)).size, 2);
        for (const call of calls) assertFits(call.input, SCHEMAS[call.name]);
        const results = calls.map(({ id, name }) => ({
          type: "tool_result",
          tool_use_id: id,
          content: RESULTS[name],
        }));
        const said = { role: "assistant", content: first.content };
        const second = await turn([...asked, said, user(results)]);
        assert.equal(second.stop_reason, "end_turn");
        for (const result of Object.values(RESULTS)) {
          assert.ok(textOf(second).includes(result), textOf(second));
        }
      });
    }

    it("answers in a JSON schema", async () => {
      const output_config = { format: { type: "json_schema", schema: ANSWER } };
      assertFits(JSON.parse(textOf(await ask("Summarise.", { output_config }))), ANSWER);
    });

    it("sees an image", async () => {
      const image = (source) => [{ type: "image", source }];
      const sent = { type: "base64", media_type: "image/png", data: PNG };
      const said = textOf(await ask(image(sent)));
      assert.ok(said.includes(SAW_PNG), said);
      const byAddress = () => ask(image({ type: "url", url: IMAGE_URL }));
      if (lane.urls || model === "by-bedrock-messages") {
        // On its own dialect a request travels untouched: what a provider does not take, it says.
        const said = textOf(await byAddress());
        assert.ok(said.includes(`at ${IMAGE_URL}`), said);
      } else {
        // Tieline fetches for such a provider, but never from a private address.
        await assert.rejects(byAddress(), BadRequestError);
      }
    });

    it("reads a document", async () => {
      const source = { type: "base64", media_type: "application/pdf", data: PDF };
      const content = [{ type: "document", source }, { type: "text", text: "Read." }];
      const said = textOf(await ask(content));
      assert.ok(said.includes(SAW_PDF), said);
    });

    it("hears the system prompt", async () => {
      const input = async (more) => (await ask("echo: hello", more)).usage.input_tokens;
      // The simulator counts a token for four bytes.
      const more = (await input({ system: "Be brief. ".repeat(40) })) - (await input());
      assert.ok(more >= 95 && more <= 105, `${more} tokens more`);
    });

    it("keeps to the length", async () => {
      const message = await ask(`echo: ${LONG}`, { max_tokens: 16 });
      assert.equal(message.stop_reason, "max_tokens");
      assert.equal(textOf(message), LONG.slice(0, 16 * 4));
    });

    it("stops where it is told, or says that it cannot", async () => {
      const stopped = () => ask("echo: before HALT after", { stop_sequences: ["HALT"] });
      if (!lane.stops) {
        await assert.rejects(stopped(), BadRequestError);
        return;
      }
      const message = await stopped();
      assert.equal(textOf(message), "before ");
      if (lane.tellsStop) assert.equal(message.stop_sequence, "HALT");
    });

    it("counts tokens", async () => {
      const count = async (text) =>
        (await messages.countTokens({ model, messages: [user(text)] })).input_tokens;
      const few = await count("hello");
      assert.ok(few > 0 && few < (await count(LONG)));
    });

    it("refuses what is wrong", async () => {
      const wrong = request("hello", { messages: [{ role: "nobody", content: "hello" }] });
      await assert.rejects(messages.create(wrong), (error) => {
        assert.ok(error instanceof BadRequestError, String(error));
        assert.equal(error.error.error.type, "invalid_request_error");
        return true;
      });
    });
  });
}
