// What the tests say, ask for and attach.

import assert from "node:assert/strict";

/** Characters of one to four bytes, quotes and a line break must all arrive as they left. */
export const SAID = 'Grüße, 世界! 🦀 "quoted" \\ and\na second line';
export const LONG = Array.from({ length: 60 }, (_, number) => `word${number}`).join(" ");

/** A transparent pixel. */
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg" +
  "gg==";
export const SAW_PNG = `I see an image of ${Buffer.from(PNG, "base64").length} bytes, image/png.`;

/** The least that is a document. */
const PDF_TEXT =
  "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n" +
  "2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";
export const PDF = Buffer.from(PDF_TEXT).toString("base64");
export const SAW_PDF = `of ${PDF_TEXT.length} bytes, application/pdf.`;

/** Nothing listens there, and Tieline fetches from public addresses only. */
export const IMAGE_URL = "https://127.0.0.1:9/pixel.png";

const object = (properties) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

/** Name, description and arguments of each tool. */
export const TOOLS = [
  {
    name: "get_weather",
    description: "The weather of a city",
    schema: object({
      city: { type: "string" },
      unit: { type: "string", enum: ["celsius", "fahrenheit"] },
      days: { type: "integer" },
    }),
  },
  {
    name: "get_stock",
    description: "The price of a stock",
    schema: object({ symbol: { type: "string" } }),
  },
];
export const SCHEMAS = Object.fromEntries(TOOLS.map(({ name, schema }) => [name, schema]));
/** What each tool answers in the second turn. */
export const RESULTS = { get_weather: "12 degrees and rain", get_stock: "178.20 USD" };

export const ANSWER = object({
  title: { type: "string" },
  priority: { type: "string", enum: ["low", "high"] },
  tags: { type: "array", items: { type: "string" } },
  open: { type: "boolean" },
});

const IS = {
  string: (value) => typeof value === "string",
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean",
  array: (value, { items }) => Array.isArray(value) && value.every((one) => fits(one, items)),
  object: (value, { properties }) =>
    value !== null && typeof value === "object" &&
    Object.keys(value).sort().join() === Object.keys(properties).sort().join() &&
    Object.entries(properties).every(([name, schema]) => fits(value[name], schema)),
};

/** Whether a value is an instance of one of the schemas above. */
function fits(value, schema) {
  return IS[schema.type](value, schema) && (!schema.enum || schema.enum.includes(value));
}

/** Fails unless a value is an instance of one of the schemas above. */
export function assertFits(value, schema) {
  assert.ok(fits(value, schema), `${JSON.stringify(value)} does not fit ${JSON.stringify(schema)}`);
}

/** Everything an asynchronous iterator gives. */
export async function gather(iterable) {
  const all = [];
  for await (const one of iterable) all.push(one);
  return all;
}
