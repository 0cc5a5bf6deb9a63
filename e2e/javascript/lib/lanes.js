// Every kind of provider and surface that a request can leave by, each as a model of its own.

import { Stage } from "./harness.js";

export const SIMULATED = [
  "openai:openai=127.0.0.1:0",
  "azure:azure-openai=127.0.0.1:0",
  "anthropic:anthropic=127.0.0.1:0",
  "bedrock:bedrock=127.0.0.1:0",
  "compatible:openai-compatible=127.0.0.1:0",
];

/**
 * `urls`: the provider takes media by web address. `stops`: the wire format has stop sequences.
 * `tellsStop`: it says which stop sequence was met.
 */
function lane(model, provider, name, more = {}) {
  const defaults = { urls: true, stops: true, tellsStop: false };
  return { model, provider, name, deployment: `${model}@${provider}`, ...defaults, ...more };
}

export const LANES = [
  lane("by-openai-chat", "openai", "gpt-5.5"),
  lane("by-openai-responses", "openai", "gpt-5.5", { surface: "responses", stops: false }),
  lane("by-azure", "azure", "gpt55-eu"),
  lane("by-azure-dated", "azure-dated", "gpt55-eu"),
  lane("by-compatible", "compatible", "llama-4"),
  lane("by-anthropic", "anthropic", "claude-sonnet-5", { tellsStop: true }),
  lane("by-converse", "bedrock", "us.amazon.nova-pro-v1:0", { urls: false }),
  lane("by-bedrock-messages", "bedrock", "us.anthropic.claude-sonnet-5", {
    urls: false,
    tellsStop: true,
  }),
  lane("by-mantle", "bedrock", "openai.gpt-5.5", { urls: false, stops: false }),
  lane("by-runtime", "bedrock-key", "us.openai.gpt-5.5", { urls: false, stops: false }),
];

const entry = ({ provider, name, surface }) => (
  surface ? { provider, name, surface } : { provider, name }
);

/** The providers of a configuration, at the addresses of the simulated ones. */
function providers(urls) {
  const key = (env) => ({ env });
  const bedrock = {
    kind: "bedrock",
    region: "us-east-1",
    endpoint: urls.bedrock,
    mantle_endpoint: urls.bedrock,
  };
  const azure = {
    kind: "azure-openai",
    endpoint: urls.azure,
    api_key: key("AZURE_OPENAI_API_KEY"),
  };
  return {
    openai: { kind: "openai", base_url: `${urls.openai}/v1`, api_key: key("OPENAI_API_KEY") },
    azure,
    "azure-dated": { ...azure, api_version: "2025-04-01-preview" },
    anthropic: {
      kind: "anthropic",
      base_url: urls.anthropic,
      api_key: key("ANTHROPIC_API_KEY"),
    },
    bedrock,
    "bedrock-key": { ...bedrock, api_key: key("BEDROCK_API_KEY") },
    compatible: {
      kind: "openai-compatible",
      base_url: `${urls.compatible}/v1`,
      api_key: key("COMPATIBLE_API_KEY"),
    },
  };
}

/** A gateway over every kind of simulated provider; `accounts` are further ones at those named. */
export function serve(models, features = {}, simulated = {}, accounts = {}) {
  const config = (urls) => {
    const known = providers(urls);
    const further = Object.entries(accounts).map(([name, provider]) => [name, known[provider]]);
    return {
      version: 1,
      server: { listen: "127.0.0.1:0", admin: "off" },
      providers: { ...known, ...Object.fromEntries(further) },
      models,
      features,
    };
  };
  return Stage.begin(SIMULATED, config, simulated);
}

/** A pace that costs little time and still parts a stream into pieces. */
const BRISK = ["--first-token", "2ms", "--per-token", "1ms"];

/** A gateway with one model for each lane. */
export function serveLanes(simulated = { options: BRISK }) {
  return serve(Object.fromEntries(LANES.map((one) => [one.model, [entry(one)]])), {}, simulated);
}
