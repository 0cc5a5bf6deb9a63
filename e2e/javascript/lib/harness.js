// Starts `tieline` processes, reads what they say and ends them.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { openSync, closeSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

const BINARY = process.env.TIELINE_BIN ?? "tieline";
/** How long a process may take to say that it is ready, or to end. */
const PATIENCE_MS = 30_000;
/** How long a condition may take to become true. */
const DEADLINE_MS = 20_000;
/** The exit code of `tieline log show` for a request that is not recorded, or not yet. */
const NOT_THERE = 2;

/** Credentials that the simulated providers accept; any of the right form would do. */
const CREDENTIALS = {
  OPENAI_API_KEY: "sk-simulated",
  AZURE_OPENAI_API_KEY: "azure-simulated",
  ANTHROPIC_API_KEY: "sk-ant-simulated",
  COMPATIBLE_API_KEY: "compatible-simulated",
  BEDROCK_API_KEY: "bedrock-simulated",
  AWS_ACCESS_KEY_ID: "AKIDSIMULATED",
  AWS_SECRET_ACCESS_KEY: "simulated",
  AWS_REGION: "us-east-1",
  AWS_EC2_METADATA_DISABLED: "true",
};

/** The environment of every process: the caller's without its own cloud accounts. */
function environment() {
  const foreign = /^(AWS|OPENAI|ANTHROPIC|AZURE)_/;
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return { ...Object.fromEntries(kept), ...CREDENTIALS };
}

/** Asks again and again until the answer is true, and returns it. */
export async function until(condition, deadline = DEADLINE_MS) {
  const end = performance.now() + deadline;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    assert.ok(performance.now() < end, `not within ${deadline} ms; the last answer was ${answer}`);
    await pause(20);
  }
}

/** Runs a command that ends by itself. */
export async function run(...args) {
  try {
    const done = await promisify(execFile)(BINARY, args, {
      env: environment(),
      timeout: PATIENCE_MS,
      maxBuffer: 1 << 28,
    });
    return { code: 0, ...done };
  } catch (failed) {
    if (typeof failed.code !== "number") throw failed;
    return failed;
  }
}

/** A `tieline` command that runs until it is told to stop. */
class Process {
  static async start(log, ...args) {
    const stderr = openSync(log, "a");
    const child = spawn(BINARY, args, { env: environment(), stdio: ["ignore", "pipe", stderr] });
    closeSync(stderr);
    const started = new this();
    started.child = child;
    started.ended = new Promise((resolve) => child.once("exit", resolve));
    child.once("error", () => child.emit("exit", null));
    try {
      started.ready = JSON.parse(await started.firstLine(log));
    } catch (failed) {
      await started.kill();
      throw failed;
    }
    return started;
  }

  async firstLine(log) {
    const lines = createInterface({ input: this.child.stdout });
    const line = new Promise((resolve) => lines.once("line", resolve));
    const timer = new AbortController();
    const silence = pause(PATIENCE_MS, undefined, { signal: timer.signal }).catch(() => undefined);
    const first = await Promise.race([line, this.ended, silence]);
    timer.abort();
    lines.close();
    this.child.stdout.resume();
    if (typeof first !== "string") {
      throw new Error(`no word at its start: ${await readFile(log, "utf8")}`);
    }
    return first;
  }

  /** Asks the process to end and returns its exit code. */
  async stop() {
    this.child.kill("SIGTERM");
    return this.ended;
  }

  /** Ends the process at once, as a crash would. */
  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** Simulated providers, each written `NAME:KIND=ADDRESS`. */
export class Sim extends Process {
  static async begin(directory, providers, { rules, options = [] } = {}) {
    const args = ["sim", ...providers, ...options, "--format", "json"];
    if (rules) {
      const script = join(directory, "faults.json");
      await writeFile(script, JSON.stringify(rules));
      args.push("--faults", script);
    }
    const sim = await Sim.start(join(directory, "sim.log"), ...args);
    sim.urls = Object.fromEntries(
      sim.ready.providers.map(({ name, url }) => [name, url.replace(/\/$/, "")]),
    );
    return sim;
  }
}

/** A gateway with a configuration of its own. */
export class Gateway extends Process {
  static async begin(directory, config) {
    const file = join(directory, "tieline.yaml");
    // Every JSON document is a YAML document.
    await writeFile(file, JSON.stringify(config, null, 2));
    const log = join(directory, "serve.log");
    const gateway = await Gateway.start(log, "serve", "--config", file, "--format", "json");
    gateway.ledger = join(directory, "tieline.db");
    gateway.url = `http://${gateway.ready.listen}`;
    return gateway;
  }

  /** The record of one request, once it is there. */
  async record(id) {
    return until(async () => {
      const done = await run("log", "show", id, "--db", this.ledger, "--format", "json");
      if (done.code === NOT_THERE) return null;
      assert.equal(done.code, 0, done.stderr);
      return JSON.parse(done.stdout);
    });
  }
}

/** Providers and a gateway over them, in a directory of their own. */
export class Stage {
  static async begin(providers, config, simulated) {
    const stage = new Stage();
    stage.directory = await mkdtemp(join(tmpdir(), "tieline-e2e-"));
    try {
      stage.sim = await Sim.begin(stage.directory, providers, simulated);
      stage.gateway = await Gateway.begin(stage.directory, config(stage.sim.urls));
    } catch (failed) {
      await stage.end();
      throw failed;
    }
    return stage;
  }

  async end() {
    await this.gateway?.kill();
    await this.sim?.kill();
    await rm(this.directory, { recursive: true });
  }
}
