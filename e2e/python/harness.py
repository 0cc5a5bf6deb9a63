"""Starts `tieline` processes, reads what they say and ends them."""

import json
import os
import selectors
import signal
import subprocess
import time
from pathlib import Path

BINARY = os.environ.get("TIELINE_BIN", "tieline")
#: How long a process may take to say that it is ready, or to end, in seconds.
PATIENCE_S = 30
#: How long a condition may take to become true, in seconds.
DEADLINE_S = 20
#: The exit code of `tieline log show` for a request that is not recorded, or not yet.
NOT_THERE = 2

#: Credentials that the simulated providers accept; any of the right form would do.
CREDENTIALS = {
    "OPENAI_API_KEY": "sk-simulated",
    "AZURE_OPENAI_API_KEY": "azure-simulated",
    "ANTHROPIC_API_KEY": "sk-ant-simulated",
    "COMPATIBLE_API_KEY": "compatible-simulated",
    "BEDROCK_API_KEY": "bedrock-simulated",
    "AWS_ACCESS_KEY_ID": "AKIDSIMULATED",
    "AWS_SECRET_ACCESS_KEY": "simulated",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def environment() -> dict[str, str]:
    """The environment of every process: the caller's without its own cloud accounts."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "OPENAI_", "ANTHROPIC_", "AZURE_"))
    }
    return kept | CREDENTIALS


def until(condition, deadline_s: float = DEADLINE_S):
    """Asks again and again until the answer is true, and returns it."""
    end = time.monotonic() + deadline_s
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {deadline_s} s; the last answer was {answer!r}"
        time.sleep(0.02)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command that ends by itself."""
    return subprocess.run(
        [BINARY, *map(str, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


class Process:
    """A `tieline` command that runs until it is told to stop."""

    def __init__(self, log: Path, *arguments: str | Path):
        self.log = log
        with log.open("ab") as stderr:
            self.child = subprocess.Popen(
                [BINARY, *map(str, arguments)],
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        try:
            self.ready = json.loads(self._first_line())
        except BaseException:
            self.kill()
            raise

    def _first_line(self) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(self.child.stdout, selectors.EVENT_READ)
            assert selector.select(PATIENCE_S), f"silent at its start: {self.log.read_text()}"
        line = self.child.stdout.readline()
        assert line, f"ended at its start: {self.log.read_text()}"
        return line

    def stop(self) -> int:
        """Asks the process to end and returns its exit code."""
        self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(PATIENCE_S)
        finally:
            self.kill()

    def kill(self) -> None:
        """Ends the process at once, as a crash would."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


class Sim(Process):
    """Simulated providers, each written `NAME:KIND=ADDRESS`."""

    def __init__(self, directory: Path, *providers: str, rules=None, options=()):
        faults = []
        if rules:
            script = directory / "faults.json"
            script.write_text(json.dumps(rules))
            faults = ["--faults", script]
        log = directory / "sim.log"
        super().__init__(log, "sim", *providers, *faults, *options, "--format", "json")
        self.urls = {one["name"]: one["url"].rstrip("/") for one in self.ready["providers"]}


class Gateway(Process):
    """A gateway with a configuration of its own, which may be YAML text or plain data."""

    def __init__(self, directory: Path, config):
        self.config = directory / "tieline.yaml"
        # Every JSON document is a YAML document.
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        self.config.write_text(text)
        log = directory / "serve.log"
        super().__init__(log, "serve", "--config", self.config, "--format", "json")
        self.url = f"http://{self.ready['listen']}"

    def records(self, *filters: str) -> list[dict]:
        """What the ledger holds, newest first."""
        return self._log(*filters, "--limit", "1000")["requests"]

    def record(self, request_id: str) -> dict:
        """The record of one request, once it is there."""
        return until(lambda: self._log("show", request_id))

    def _log(self, *arguments: str) -> dict | None:
        ledger = self.config.with_name("tieline.db")
        done = run("log", *arguments, "--db", ledger, "--format", "json")
        if done.returncode == NOT_THERE:
            return None
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
