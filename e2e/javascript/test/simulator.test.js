// The official SDKs take the simulated providers for real.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { AzureOpenAI } from "openai";

import { Sim } from "../lib/harness.js";
import { SIMULATED } from "../lib/lanes.js";
import { RESULTS, SAID, SCHEMAS, TOOLS, assertFits, gather } from "../lib/material.js";

/** OpenAI's SDK in each of the ways it reaches OpenAI's models. */
const WAYS = {
  openai: (urls) => new OpenAI({ apiKey: "k", baseURL: `${urls.openai}/v1` }),
  compatible: (urls) => new OpenAI({ apiKey: "k", baseURL: `${urls.compatible}/v1` }),
  azure: (urls) => new OpenAI({ apiKey: "k", baseURL: `${urls.azure}/openai/v1` }),
  "azure, dated": (urls) =>
    new AzureOpenAI({ apiKey: "k", endpoint: urls.azure, apiVersion: "2025-04-01-preview" }),
  bedrock: (urls) => new OpenAI({ apiKey: "k", baseURL: `${urls.bedrock}/openai/v1` }),
};

describe("simulator", () => {
  let directory;
  let sim;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "tieline-e2e-"));
    sim = await Sim.begin(directory, SIMULATED);
  });
  after(async () => {
    await sim.kill();
    await rm(directory, { recursive: true });
  });

  for (const [way, connect] of Object.entries(WAYS)) {
    it(`chats as ${way}`, async () => {
      const { chat } = connect(sim.urls);
      const request = { model: "gpt-5.5", messages: [{ role: "user", content: `echo: ${SAID}` }] };
      const whole = await chat.completions.create(request);
      assert.equal(whole.choices[0].message.content, SAID);
      const streamed = await chat.completions.stream(request).finalChatCompletion();
      assert.equal(streamed.choices[0].message.content, SAID);
    });

    it(`responds as ${way}`, async () => {
      const { responses } = connect(sim.urls);
      const request = { model: "gpt-5.5", input: `echo: ${SAID}` };
      const whole = await responses.create(request);
      assert.equal(whole.status, "completed");
      assert.equal(whole.output_text, SAID);
      const plain = await gather(await responses.create({ ...request, stream: true }));
      assert.equal(plain.at(-1).type, "response.completed");
      const streamed = await responses.stream(request).finalResponse();
      assert.equal(streamed.output_text, SAID);
    });

    it(`calls tools as ${way}`, async () => {
      const { responses } = connect(sim.urls);
      const tools = TOOLS.map(({ name, description, schema }) => ({
        type: "function",
        name,
        description,
        parameters: schema,
        strict: true,
      }));
      const asked = [{ role: "user", content: "Go on." }];
      const turn = { model: "gpt-5.5", input: asked, tools };
      const first = await responses.stream(turn).finalResponse();
      const calls = first.output.filter(({ type }) => type === "function_call");
      assert.deepEqual(calls.map(({ name }) => name), Object.keys(SCHEMAS));
      for (const call of calls) assertFits(JSON.parse(call.arguments), SCHEMAS[call.name]);
      const said = calls.map(({ type, call_id, name, arguments: given }) => ({
        type,
        call_id,
        name,
        arguments: given,
      }));
      const results = calls.map(({ call_id, name }) => ({
        type: "function_call_output",
        call_id,
        output: RESULTS[name],
      }));
      const input = [...asked, ...said, ...results];
      const second = await responses.create({ model: "gpt-5.5", input, tools });
      for (const result of Object.values(RESULTS)) {
        assert.ok(second.output_text.includes(result), second.output_text);
      }
    });
  }

  for (const path of ["anthropic", "bedrock"]) {
    it(`sends messages to ${path}`, async () => {
      const baseURL = path === "bedrock" ? `${sim.urls.bedrock}/anthropic` : sim.urls.anthropic;
      const { messages } = new Anthropic({ apiKey: "k", baseURL });
      const request = {
        model: "claude-sonnet-5",
        max_tokens: 500,
        messages: [{ role: "user", content: `echo: ${SAID}` }],
      };
      assert.equal((await messages.create(request)).content[0].text, SAID);
      const message = await messages.stream(request).finalMessage();
      assert.equal(message.content[0].text, SAID);
      assert.equal(message.stop_reason, "end_turn");
    });
  }
});
