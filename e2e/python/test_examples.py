"""Every example does what its README says."""

import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import openai
import pytest

import lanes
from clients import Anthropic, OpenAI
from harness import Gateway, Sim, environment, run, until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/tieline.yaml"))
#: The ports of `tieline sim` that the examples name.
PORTS = {"openai": 9101, "azure-openai": 9102, "anthropic": 9103, "bedrock": 9104}
#: A server section that keeps tests out of each other's way.
QUIET = "server: { listen: 127.0.0.1:0, admin: off }\n"


def start(example: str, directory: Path, urls: dict[str, str]) -> Gateway:
    """Serves an example over simulated providers, given by kind, wherever they happen to be."""
    config = (EXAMPLES / example / "tieline.sim.yaml").read_text()
    for kind, url in urls.items():
        config = config.replace(f"http://127.0.0.1:{PORTS[kind]}", url)
    assert not re.search(r"127\.0\.0\.1:91\d\d", config), "an example uses an unknown port"
    for folder in ("policies", "slos"):
        if (EXAMPLES / example / folder).exists():
            shutil.copytree(EXAMPLES / example / folder, directory / folder)
    return Gateway(directory, config.replace("version: 1\n", f"version: 1\n{QUIET}"))


def settings(path: Path) -> str:
    """What a configuration says, however laid out, but for comments and addresses."""
    text = re.sub(r"#.*", "", path.read_text())
    text = re.sub(r"\b(base_url|endpoint|mantle_endpoint): *[^\s,}]+", "", text)
    return re.sub(r"[\s{},]+", "", text)


@pytest.mark.parametrize("name", NAMES)
def test_configurations_are_accepted(name):
    for file in ("tieline.yaml", "tieline.sim.yaml"):
        checked = run("check", "--config", EXAMPLES / name / file)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_simulated_configuration_differs_in_addresses_alone(name):
    example = EXAMPLES / name
    assert settings(example / "tieline.yaml") == settings(example / "tieline.sim.yaml")


class Load:
    """Clients that ask without pause until told to stop."""

    def __init__(self, url: str, model: str, threads: int):
        self.answered = Counter()
        self.failed = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        arguments = (url, model)
        self._threads = [
            threading.Thread(target=self._ask, args=(*arguments, number), daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, url: str, model: str, number: int) -> None:
        # The SDK's own retries would hide what is to be shown.
        with openai.OpenAI(api_key="any", base_url=f"{url}/v1", max_retries=0) as client:
            turn = 0
            while not self._over.is_set():
                turn += 1
                said = f"answer {turn} to client {number}"
                try:
                    raw = client.chat.completions.with_raw_response.create(
                        model=model, messages=[{"role": "user", "content": f"echo: {said}"}]
                    )
                    assert raw.parse().choices[0].message.content == said
                    outcome, note = self.answered, raw.headers["x-tieline-deployment"]
                except Exception as error:
                    outcome, note = None, repr(error)
                with self._lock:
                    if outcome is None:
                        self.failed.append(note)
                    else:
                        outcome[note] += 1

    def count(self, deployment: str) -> int:
        with self._lock:
            return self.answered[deployment]

    def until_more(self, *deployments: str, by: int = 10, deadline_s: float = 60) -> None:
        """Waits until each of the deployments has answered some more."""
        before = {one: self.count(one) for one in deployments}
        until(
            lambda: all(self.count(one) >= before[one] + by for one in deployments), deadline_s
        )

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


def test_three_clouds_lose_no_request_when_each_dies_in_turn(tmp_path):
    kinds = {
        "gpt-5.5@openai": "openai",
        "gpt-5.5@azure": "azure-openai",
        "gpt-5.5@bedrock": "bedrock",
    }
    slow = ("--first-token", "20ms")
    sims = {}
    gateway = load = None

    def begin(kind: str, address: str) -> None:
        directory = tmp_path / kind
        directory.mkdir(exist_ok=True)
        sims[kind] = Sim(directory, f"{kind}={address}", options=slow)

    try:
        for kind in kinds.values():
            begin(kind, "127.0.0.1:0")
        urls = {kind: url for kind, sim in sims.items() for url in sim.urls.values()}
        gateway = start("openai-three-clouds", tmp_path, urls)
        load = Load(gateway.url, "gpt-5.5", threads=8)
        load.until_more(*kinds)
        for deployment, kind in kinds.items():
            others = [one for one in kinds if one != deployment]
            sims[kind].kill()
            load.until_more(*others, by=30)
            begin(kind, urls[kind].removeprefix("http://"))
            # It is found to be well again, and only then the next one dies.
            load.until_more(deployment)
        load.stop()
        assert load.failed == []
        answered = sum(load.answered.values())
        assert answered > 150
        assert gateway.records("--feature", "gpt-5.5", "--outcome", "failed") == []
        assert gateway.records("--fault", "transport"), "no request met a dead provider"
    finally:
        if load:
            load._over.set()
        for process in [gateway, *sims.values()]:
            if process:
                process.kill()


def test_support_reply_steps_down_its_ladder(tmp_path):
    sims = {kind: None for kind in ("openai", "anthropic", "bedrock")}
    gateway = None
    try:
        for kind in sims:
            directory = tmp_path / kind
            directory.mkdir()
            rules = []
            if kind == "openai":
                rules = [{"provider": kind, "model": "gpt-5.5", "fault": "status=503"}]
            sims[kind] = Sim(directory, f"{kind}=127.0.0.1:0", rules=rules)
        urls = {kind: url for kind, sim in sims.items() for url in sim.urls.values()}
        gateway = start("support-reply", tmp_path, urls)

        def told(sdk, question, streamed=False):
            with sdk(gateway.url) as client:
                answer = client.ask("support-reply", question, streamed)
            told = answer.headers
            return answer.text, told["x-tieline-tier"], told.get("x-tieline-deployment")

        known = "echo: Your parcel is on its way."
        text = known.removeprefix("echo: ")
        direct = (text, "frontier", "claude-sonnet-5@anthropic")
        assert told(Anthropic, known) == direct
        assert told(OpenAI, known) == direct
        sims["anthropic"].kill()
        assert told(Anthropic, known) == (text, "frontier", "claude-sonnet-5@bedrock")
        sims["bedrock"].kill()
        assert told(OpenAI, known) == (text, "compact", "gpt-5.4-mini@openai")
        sims["openai"].kill()
        for sdk in (OpenAI, Anthropic):
            for streamed in (False, True):
                assert told(sdk, known, streamed) == (text, "cached", None)
                apology = "We cannot answer right now; a colleague will follow up."
                assert told(sdk, "Something new.", streamed) == (apology, "apology", None)
        degraded = until(lambda: gateway.records("--outcome", "degraded"))
        assert {one["tier"] for one in degraded} == {"apology"}
        assert gateway.records("--feature", "support-reply", "--outcome", "failed") == []
    finally:
        for process in [gateway, *sims.values()]:
            if process:
                process.kill()


def test_eu_only_never_leaves_the_eu(tmp_path):
    sims = {}
    gateway = None
    try:
        for kind in ("openai", "azure-openai", "bedrock"):
            directory = tmp_path / kind
            directory.mkdir()
            sims[kind] = Sim(directory, f"{kind}=127.0.0.1:0")
        urls = {kind: url for kind, sim in sims.items() for url in sim.urls.values()}
        gateway = start("eu-only", tmp_path, urls)

        def deployment(sdk):
            with sdk(gateway.url) as client:
                answer = client.ask("support-reply", "echo: Your parcel is on its way.", False)
            return answer.headers["x-tieline-deployment"]

        assert deployment(OpenAI) == "gpt-5.5@azure-sweden"
        sims["azure-openai"].kill()
        assert deployment(Anthropic) == "gpt-5.5@bedrock-frankfurt"
        sims["bedrock"].kill()
        with openai.OpenAI(
            api_key="any", base_url=f"{gateway.url}/v1", max_retries=0
        ) as client, pytest.raises(openai.PermissionDeniedError) as refused:
            client.chat.completions.create(
                model="support-reply", messages=[{"role": "user", "content": "hello"}]
            )
        assert refused.value.code == "policy_denied"
        called = {
            attempt["provider"]
            for record in until(lambda: gateway.records("--fault", "policy_denied"))
            for attempt in record["attempts"]
        }
        assert "openai" not in called
    finally:
        for process in [gateway, *sims.values()]:
            if process:
                process.kill()


def test_python_quickstart_runs(tmp_path):
    sim = Sim(tmp_path, "openai=127.0.0.1:0", "anthropic=127.0.0.1:0")
    gateway = None
    try:
        gateway = start("python-quickstart", tmp_path, sim.urls)
        done = subprocess.run(
            [sys.executable, EXAMPLES / "python-quickstart" / "quickstart.py"],
            env=environment() | {"TIELINE_URL": gateway.url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = "Hello from either provider."
        assert done.stdout.count(said) == 3
        assert "gpt-5.5@openai" in done.stdout
    finally:
        if gateway:
            gateway.kill()
        sim.kill()
