#!/usr/bin/env python3
"""Records what promptfoo says of promptfooconfig.yaml over simulated providers.

    npm ci --prefix e2e/promptfoo --ignore-scripts
    TIELINE_BIN=target/debug/tieline crates/eval/tests/promptfoo/record.py e2e/promptfoo

Writes expected.json: for each answer its text, whether it passes, its score, and whether each of its
assertions passes. Nothing leaves the machine.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: What keeps promptfoo from calling home; the proxy is not there.
QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "PROMPTFOO_DISABLE_SHARING": "1",
    "PROMPTFOO_CACHE_ENABLED": "false",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
}


def verdict(result: dict) -> dict:
    grading = result["gradingResult"]
    return {
        "vars": result["vars"],
        "output": result["response"]["output"],
        "pass": grading["pass"],
        "score": grading["score"],
        "assertions": [
            {"type": one["assertion"]["type"], "pass": one["pass"], "score": one["score"]}
            for one in grading["componentResults"]
            if one.get("assertion")
        ],
    }


def main() -> None:
    package = Path(sys.argv[1]) / "node_modules" / "promptfoo"
    version = json.loads((package / "package.json").read_text())["version"]
    # The binary must be told apart from a folder of that name.
    binary = Path(os.environ["TIELINE_BIN"]).resolve()
    sim = subprocess.Popen(
        [binary, "sim", "openai=127.0.0.1:0", "--first-token", "0ms", "--per-token", "0ms",
         "--format", "json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready = json.loads(sim.stdout.readline())
        url = ready["providers"][0]["url"]
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "results.json"
            environment = os.environ | QUIET | {
                "OPENAI_API_KEY": "sk-simulated",
                "OPENAI_BASE_URL": f"{url}/v1",
                "PROMPTFOO_CONFIG_DIR": folder,
            }
            # It exits with 100 where a test fails, as many do on purpose.
            subprocess.run(
                ["node", package / "dist" / "src" / "main.js", "eval", "--no-cache", "--no-table",
                 "--no-progress-bar", "-c", HERE / "promptfooconfig.yaml", "-o", out],
                env=environment,
                cwd=HERE,
                check=False,
            )
            results = json.loads(out.read_text())["results"]["results"]
    finally:
        sim.terminate()
        sim.wait()
    results.sort(key=lambda result: (result["testIdx"], result["promptIdx"]))
    recorded = {"promptfoo": version, "results": [verdict(result) for result in results]}
    (HERE / "expected.json").write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")
    passed = sum(result["pass"] for result in recorded["results"])
    print(f"promptfoo {version}: {passed} of {len(results)} pass")


if __name__ == "__main__":
    main()
