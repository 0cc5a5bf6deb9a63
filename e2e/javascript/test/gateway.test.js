// What does not depend on where a request goes: names, lists, clients that leave.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { CLIENTS } from "../lib/clients.js";
import { LANES, serveLanes } from "../lib/lanes.js";
import { gather } from "../lib/material.js";

let stage;

describe("gateway", () => {
  before(async () => {
    const options = ["--per-token", "50ms", "--reply-tokens", "400..400"];
    stage = await serveLanes({ options });
  });
  after(() => stage.end());

  for (const Client of CLIENTS) {
    const { label } = Client;

    it(`lists its models to ${label}`, async () => {
      const { sdk } = new Client(stage.gateway.url);
      const listed = (await gather(sdk.models.list())).map(({ id }) => id);
      for (const { model } of LANES) {
        assert.ok(listed.includes(model), `${listed}`);
        assert.equal((await sdk.models.retrieve(model)).id, model);
      }
    });

    it(`does not find an unknown model for ${label}`, async () => {
      const client = new Client(stage.gateway.url);
      await assert.rejects(client.ask("no-such-model", "hello", false), (error) => {
        assert.ok(error instanceof client.errors.NotFoundError, String(error));
        assert.match(error.message, /no-such-model/);
        assert.equal(error.requestID, error.headers.get("x-tieline-request-id"));
        return true;
      });
      assert.equal(client.sent, 1);
    });

    for (const { model } of LANES) {
      it(`records that ${label} left ${model}`, async () => {
        const client = new Client(stage.gateway.url);
        const { stream, headers } = await client.open(model, "Tell me a long story.");
        for await (const piece of client.pieces(stream)) {
          assert.ok(piece);
          break;
        }
        stream.controller.abort();
        const record = await stage.gateway.record(headers.get("x-tieline-request-id"));
        assert.equal(record.outcome, "cancelled");
      });
    }
  }
});
