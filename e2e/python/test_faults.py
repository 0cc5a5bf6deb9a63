"""Providers that fail before the first content are survived unseen; later faults are told."""

from dataclasses import dataclass

import pytest

import lanes
from clients import SDKS
from harness import Gateway, Sim
from material import LONG

#: Where the failing deployment is, so that each dialect's way to fail is met.
PRIMARIES = {
    "openai": {"provider": "openai", "name": "gpt-5.5"},
    "responses": {"provider": "openai", "name": "gpt-5.5", "surface": "responses"},
    "azure": {"provider": "azure", "name": "gpt55-eu"},
    "anthropic": {"provider": "anthropic", "name": "claude-sonnet-5"},
    "converse": {"provider": "bedrock", "name": "amazon.nova-pro-v1:0"},
}
#: Faults after which nothing has reached the client.
BEFORE_CONTENT = (
    "status=401",
    "status=403",
    "status=404",
    "status=429,retry-after=30s",
    "status=500",
    "status=503",
    "status=529",
    "refuse",
    "garbage",
    "empty",
    "hang",
    "hang-after-headers",
    "cut-after=0",
    "cut-clean-after=0",
    "in-band=overloaded_error",
)
#: Faults that strike a stream whose first content has arrived.
AFTER_CONTENT = (
    "cut-after=2",
    "cut-clean-after=2",
    "in-band=overloaded_error,after=2",
    "stall-after=2",
)
#: Faults that show only in silence; little time is allowed, to wait little for nothing.
SILENT = ("hang", "hang-after-headers", "stall-after=2")


def named(*parts: str) -> str:
    """A model and an account of its own for each case, so that none meets what another did."""
    return ".".join(part.replace("=", "-").replace(",", "-") for part in parts)


@dataclass(frozen=True)
class Case:
    """A model whose first deployment has a fault, for one test alone."""

    primary: str
    fault: str
    use: str
    backup: bool

    @property
    def model(self) -> str:
        return named(self.primary, self.fault, self.use)

    def entries(self) -> list[dict]:
        struck = PRIMARIES[self.primary] | {"name": self.model, "provider": self.model}
        return [struck, {"provider": "compatible", "name": "backup"}][: 2 if self.backup else 1]

    @property
    def provider(self) -> str:
        return PRIMARIES[self.primary]["provider"]

    def rule(self) -> dict:
        return {"provider": self.provider, "model": self.model, "fault": self.fault}

    def feature(self) -> dict:
        deadline = "3s" if self.fault in SILENT else "20s"
        return {"deadline": deadline, "tiers": [{"name": "usual", "models": [self.model]}]}


MANNERS = ("whole", "streamed")
SURVIVED = [
    Case(primary, fault, f"{sdk.name}.{manner}", backup=True)
    for primary in PRIMARIES
    for fault in BEFORE_CONTENT
    for sdk in SDKS
    for manner in MANNERS
]
TOLD = [
    Case(primary, fault, sdk.name, backup=False)
    for primary in PRIMARIES
    for fault in AFTER_CONTENT
    for sdk in SDKS
]
EXHAUSTED = [
    Case(primary, "status=500", f"alone.{sdk.name}.{manner}", backup=False)
    for primary in PRIMARIES
    for sdk in SDKS
    for manner in MANNERS
]
#: Failures of our own account, which waiting a little does not mend.
LASTING = (
    ("openai", "status=401"),
    ("openai", "status=429,error=insufficient_quota"),
    ("anthropic", "status=401"),
    ("anthropic", "status=402,error=billing_error"),
)
REFUSED = [
    Case(primary, fault, f"alone.{sdk.name}", backup=False)
    for primary, fault in LASTING
    for sdk in SDKS
]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory) -> Gateway:
    """A gateway over providers that fail as every case asks."""
    directory = tmp_path_factory.mktemp("faults")
    cases = SURVIVED + TOLD + EXHAUSTED + REFUSED
    # Content and fault must not arrive as one piece, or nothing would have been sent yet.
    pace = ("--first-token", "5ms", "--per-token", "50ms")
    rules = [case.rule() for case in cases]
    sim = Sim(directory, *lanes.SIMULATED, rules=rules, options=pace)
    try:
        models = {case.model: case.entries() for case in cases}
        features = {case.model: case.feature() for case in cases}
        accounts = {case.model: case.provider for case in cases}
        gateway = lanes.serve(directory, sim, models, features, accounts)
        try:
            yield gateway
            assert gateway.stop() == 0
        finally:
            gateway.kill()
    finally:
        sim.kill()


@pytest.fixture(scope="module", params=SDKS, ids=lambda sdk: sdk.name)
def connected(request, faulty):
    with request.param(faulty.url) as client:
        yield client


@pytest.fixture
def client(connected):
    """An SDK that has sent nothing yet."""
    connected.sent.clear()
    return connected


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("fault", BEFORE_CONTENT)
@pytest.mark.parametrize("primary", PRIMARIES)
def test_faults_before_content_are_survived(client, faulty, primary, fault, manner):
    case = Case(primary, fault, f"{client.name}.{manner}", backup=True)
    answer = client.ask(case.model, "echo: survived", manner == "streamed")
    assert answer.text == "survived"
    assert answer.headers["x-tieline-deployment"] == f"{case.model}@compatible"
    assert answer.headers["x-tieline-attempts"] == "2"
    assert len(client.sent) == 1
    record = faulty.record(answer.headers["x-tieline-request-id"])
    assert record["outcome"] == "served"
    first, second = record["attempts"]
    assert first["fault"] and not second.get("fault")


@pytest.mark.parametrize("fault", AFTER_CONTENT)
@pytest.mark.parametrize("primary", PRIMARIES)
def test_faults_after_content_are_told(client, faulty, primary, fault):
    case = Case(primary, fault, client.name, backup=False)
    said = []
    with client.open(case.model, f"echo: {LONG}") as stream:
        request_id = stream.response.headers["x-tieline-request-id"]
        with pytest.raises(client.broken):
            said.extend(client.pieces(stream))
    text = "".join(said)
    assert text and LONG.startswith(text) and text != LONG
    assert faulty.record(request_id)["outcome"] == "broken"


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("primary", PRIMARIES)
def test_nothing_left_is_told_once(client, faulty, primary, manner):
    case = Case(primary, "status=500", f"alone.{client.name}.{manner}", backup=False)
    with pytest.raises(client.errors.InternalServerError) as failed:
        client.ask(case.model, "hello", manner == "streamed")
    response = failed.value.response
    assert response.status_code >= 500
    assert response.headers["x-should-retry"] == "false"
    # Tieline has tried what there is; the SDK must not do it all again.
    assert len(client.sent) == 1
    record = faulty.record(response.headers["x-tieline-request-id"])
    assert (record["outcome"], record["fault"]) == ("failed", "server_error")


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
@pytest.mark.parametrize(("primary", "fault"), LASTING)
def test_no_sdk_waits_for_what_does_not_mend(faulty, sdk, primary, fault):
    model = Case(primary, fault, f"alone.{sdk.name}", backup=False).model
    with sdk(faulty.url, max_retries=0) as client:
        with pytest.raises(client.errors.InternalServerError) as failed:
            client.ask(model, "hello", streamed=False)
    response = failed.value.response
    # The caller's key is in order, and it must not look as if it were not.
    assert response.status_code >= 500
    # Else an SDK sleeps as long as `retry-after` says, and asks in vain.
    assert response.headers.get("x-should-retry") == "false"
