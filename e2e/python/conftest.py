"""What several test files use: the gateway over every kind of provider, and clients of it."""

import os

import anthropic
import openai
import pytest

import lanes
from harness import Gateway, Sim

# A proxy of the machine has no business between processes of one test.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"


@pytest.fixture(scope="session")
def gateway(tmp_path_factory) -> Gateway:
    """A gateway with one model for each lane."""
    directory = tmp_path_factory.mktemp("lanes")
    sim = Sim(directory, *lanes.SIMULATED, options=lanes.BRISK)
    try:
        gateway = lanes.serve(directory, sim, {one.model: [one.entry()] for one in lanes.LANES})
        try:
            yield gateway
            assert gateway.stop() == 0
        finally:
            gateway.kill()
    finally:
        sim.kill()


@pytest.fixture(scope="session")
def chat(gateway) -> openai.OpenAI:
    """OpenAI's SDK, which is told only a base URL."""
    with openai.OpenAI(api_key="any", base_url=f"{gateway.url}/v1") as client:
        yield client


@pytest.fixture(scope="session")
def messages(gateway) -> anthropic.Anthropic:
    """Anthropic's SDK, which is told only a base URL."""
    with anthropic.Anthropic(api_key="any", base_url=gateway.url) as client:
        yield client


@pytest.fixture(params=lanes.LANES, ids=str)
def lane(request) -> lanes.Lane:
    """Each way to a model."""
    return request.param
