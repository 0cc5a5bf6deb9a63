// Providers that fail before the first content are survived unseen; later faults are told.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { CLIENTS } from "../lib/clients.js";
import { serve } from "../lib/lanes.js";
import { LONG } from "../lib/material.js";

/** Where the failing deployment is, so that each dialect's way to fail is met. */
const PRIMARIES = {
  openai: { provider: "openai" },
  responses: { provider: "openai", surface: "responses" },
  anthropic: { provider: "anthropic" },
  converse: { provider: "bedrock" },
};
/** Faults after which nothing has reached the client. */
const BEFORE_CONTENT = [
  "status=401", "status=429,retry-after=30s", "status=500", "status=529", "refuse", "garbage",
  "empty", "hang", "cut-after=0", "cut-clean-after=0", "in-band=overloaded_error",
];
/** Faults that strike a stream whose first content has arrived. */
const AFTER_CONTENT = [
  "cut-after=2", "cut-clean-after=2", "in-band=overloaded_error,after=2", "stall-after=2",
];
const MANNERS = ["whole", "streamed"];
/** Faults that show only in silence; little time is allowed, to wait little for nothing. */
const SILENT = ["hang", "stall-after=2"];

const models = {};
const features = {};
const accounts = {};
const rules = [];

/** A model and an account of its own for each test, so that none meets what another did. */
function struck(primary, fault, use, backup) {
  const model = [primary, fault, use].join(".").replaceAll(/[=,]/g, "-");
  const { provider } = PRIMARIES[primary];
  const first = { ...PRIMARIES[primary], name: model, provider: model };
  accounts[model] = provider;
  models[model] = backup ? [first, { provider: "compatible", name: "backup" }] : [first];
  const deadline = SILENT.includes(fault) ? "3s" : "20s";
  features[model] = { deadline, tiers: [{ name: "usual", models: [model] }] };
  rules.push({ provider, model, fault });
  return model;
}

let stage;

describe("faults", { concurrency: 8 }, () => {
  before(async () => {
    // Content and fault must not arrive as one piece, or nothing would have been sent yet.
    const options = ["--first-token", "5ms", "--per-token", "50ms"];
    stage = await serve(models, features, { rules, options }, accounts);
  });
  after(async () => {
    assert.equal(await stage.gateway.stop(), 0);
    await stage.end();
  });

  for (const Client of CLIENTS) {
    const { label } = Client;
    const client = () => new Client(stage.gateway.url);

    for (const primary of Object.keys(PRIMARIES)) {
      for (const fault of BEFORE_CONTENT) {
        for (const manner of MANNERS) {
          const model = struck(primary, fault, `${label}.${manner}`, true);
          it(`${label} survives ${fault} at ${primary}, ${manner}`, async () => {
            const sdk = client();
            const { text, headers } = await sdk.ask(model, "echo: survived", manner === "streamed");
            assert.equal(text, "survived");
            assert.equal(headers.get("x-tieline-deployment"), `${model}@compatible`);
            assert.equal(headers.get("x-tieline-attempts"), "2");
            assert.equal(sdk.sent, 1);
          });
        }
      }

      for (const fault of AFTER_CONTENT) {
        const model = struck(primary, fault, label, false);
        it(`${label} is told of ${fault} at ${primary}`, async () => {
          const sdk = client();
          const { stream, headers } = await sdk.open(model, `echo: ${LONG}`);
          let said = "";
          await assert.rejects(async () => {
            for await (const piece of sdk.pieces(stream)) said += piece;
          }, sdk.broken);
          assert.ok(said !== "" && said !== LONG && LONG.startsWith(said), said);
          const record = await stage.gateway.record(headers.get("x-tieline-request-id"));
          assert.equal(record.outcome, "broken");
        });
      }

      for (const manner of MANNERS) {
        const model = struck(primary, "status=500", `alone.${label}.${manner}`, false);
        it(`${label} is told once when ${primary} was all there is, ${manner}`, async () => {
          const sdk = client();
          await assert.rejects(sdk.ask(model, "hello", manner === "streamed"), (error) => {
            assert.ok(error instanceof sdk.errors.InternalServerError, String(error));
            assert.ok(error.status >= 500);
            assert.equal(error.headers.get("x-should-retry"), "false");
            return true;
          });
          assert.equal(sdk.sent, 1);
        });
      }
    }
  }
});
