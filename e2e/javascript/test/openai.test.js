// OpenAI's SDK (Chat Completions) over every kind of provider.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import OpenAI, { BadRequestError } from "openai";

import { LANES, serveLanes } from "../lib/lanes.js";
import {
  ANSWER, IMAGE_URL, LONG, PDF, PNG, RESULTS, SAID, SAW_PDF, SAW_PNG, SCHEMAS, TOOLS, assertFits,
  gather,
} from "../lib/material.js";

const FUNCTIONS = TOOLS.map(({ name, description, schema }) => ({
  type: "function",
  function: { name, description, parameters: schema },
}));

let stage;
let chat;

before(async () => {
  stage = await serveLanes();
  chat = new OpenAI({ apiKey: "any", baseURL: `${stage.gateway.url}/v1` }).chat.completions;
});
after(async () => {
  assert.equal(await stage.gateway.stop(), 0);
  await stage.end();
});

const user = (content) => ({ role: "user", content });

function assertConsistent(usage) {
  assert.ok(usage.prompt_tokens > 0);
  assert.ok(usage.completion_tokens > 0);
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
}

for (const lane of LANES) {
  const { model } = lane;
  const ask = (content, more = {}) => chat.create({ model, messages: [user(content)], ...more });
  const content = async (...args) => (await ask(...args)).choices[0].message.content;

  describe(model, () => {
    it("answers, and says in headers what happened", async () => {
      const { data, response } = await ask(`echo: ${SAID}`).withResponse();
      const [choice] = data.choices;
      assert.equal(choice.message.content, SAID);
      assert.equal(choice.finish_reason, "stop");
      assert.ok([model, lane.name].includes(data.model), data.model);
      assertConsistent(data.usage);
      const told = (name) => response.headers.get(`x-tieline-${name}`);
      assert.equal(told("feature"), model);
      assert.equal(told("deployment"), lane.deployment);
      assert.equal(told("tier"), "models");
      assert.equal(told("attempts"), "1");
      const record = await stage.gateway.record(told("request-id"));
      assert.equal(record.outcome, "served");
      assert.equal(record.usage.input, data.usage.prompt_tokens);
    });

    it("streams", async () => {
      const text = `${SAID} ${LONG}`;
      const chunks = await gather(
        await ask(`echo: ${text}`, { stream: true, stream_options: { include_usage: true } }),
      );
      const choices = chunks.flatMap((chunk) => chunk.choices);
      assert.equal(choices.map(({ delta }) => delta.content ?? "").join(""), text);
      assert.deepEqual(choices.map((one) => one.finish_reason).filter(Boolean), ["stop"]);
      const usages = chunks.map((chunk) => chunk.usage).filter(Boolean);
      assert.equal(usages.length, 1);
      assertConsistent(usages[0]);
    });

    it("streams through the helper", async () => {
      const stream = chat.stream({ model, messages: [user(`echo: ${SAID}`)] });
      const deltas = [];
      stream.on("content", (delta) => deltas.push(delta));
      const completion = await stream.finalChatCompletion();
      assert.equal(deltas.join(""), SAID);
      assert.equal(completion.choices[0].message.content, SAID);
      assert.equal(completion.choices[0].finish_reason, "stop");
    });

    for (const streamed of [false, true]) {
      it(`calls tools in parallel, ${streamed ? "streamed" : "whole"}`, async () => {
        const turn = async (messages) => {
          const request = { model, messages, tools: FUNCTIONS };
          const completion = streamed
            ? await chat.stream(request).finalChatCompletion()
            : await chat.create(request);
          return completion.choices[0];
        };
        const asked = [user("What is the weather, and how is the stock?")];
        const first = await turn(asked);
        assert.equal(first.finish_reason, "tool_calls");
        const calls = first.message.tool_calls;
        assert.deepEqual(calls.map((call) => call.function.name), Object.keys(RESULTS));
        assert.equal(new Set(calls.map((call) => call.id)).size, 2);
        for (const call of calls) {
          assertFits(JSON.parse(call.function.arguments), SCHEMAS[call.function.name]);
        }
        const results = calls.map((call) => ({
          role: "tool",
          tool_call_id: call.id,
          content: RESULTS[call.function.name],
        }));
        const second = await turn([...asked, first.message, ...results]);
        assert.equal(second.finish_reason, "stop");
        for (const result of Object.values(RESULTS)) {
          assert.ok(second.message.content.includes(result), second.message.content);
        }
      });
    }

    it("answers in a JSON schema", async () => {
      const json_schema = { name: "answer", schema: ANSWER, strict: true };
      const response_format = { type: "json_schema", json_schema };
      assertFits(JSON.parse(await content("Summarise.", { response_format })), ANSWER);
    });

    it("sees an image", async () => {
      const part = (url) => [{ type: "image_url", image_url: { url } }];
      const said = await content(part(`data:image/png;base64,${PNG}`));
      assert.ok(said.includes(SAW_PNG), said);
      if (lane.urls) {
        const said = await content(part(IMAGE_URL));
        assert.ok(said.includes(`at ${IMAGE_URL}`), said);
      } else {
        // Tieline fetches for such a provider, but never from a private address.
        await assert.rejects(content(part(IMAGE_URL)), BadRequestError);
      }
    });

    it("reads a document", async () => {
      const file = { filename: "report.pdf", file_data: `data:application/pdf;base64,${PDF}` };
      const said = await content([{ type: "text", text: "Read." }, { type: "file", file }]);
      assert.ok(said.includes(SAW_PDF), said);
    });

    it("hears the system prompt", async () => {
      const input = async (...before) => {
        const messages = [...before, user("echo: hello")];
        return (await chat.create({ model, messages })).usage.prompt_tokens;
      };
      // The simulator counts a token for four bytes.
      const long = "Be brief. ".repeat(40);
      const more = (await input({ role: "system", content: long })) - (await input());
      assert.ok(more >= 95 && more <= 105, `${more} tokens more`);
    });

    it("keeps to the length", async () => {
      const completion = await ask(`echo: ${LONG}`, { max_completion_tokens: 16 });
      assert.equal(completion.choices[0].finish_reason, "length");
      assert.equal(completion.choices[0].message.content, LONG.slice(0, 16 * 4));
    });

    it("stops where it is told, or says that it cannot", async () => {
      const stopped = () => content("echo: before HALT after", { stop: ["HALT"] });
      if (lane.stops) assert.equal(await stopped(), "before ");
      else await assert.rejects(stopped(), { status: 400, param: "stop" });
    });

    it("refuses what is wrong", async () => {
      const messages = [{ role: "nobody", content: "hello" }];
      await assert.rejects(chat.create({ model, messages }), (error) => {
        assert.ok(error instanceof BadRequestError, String(error));
        assert.equal(error.type, "invalid_request_error");
        return true;
      });
    });
  });
}
