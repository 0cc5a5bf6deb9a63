"""Every kind of provider and surface that a request can leave by, each as a model of its own."""

from dataclasses import dataclass
from pathlib import Path

from harness import Gateway, Sim

SERVER = {"listen": "127.0.0.1:0", "admin": "off"}
SIMULATED = (
    "openai:openai=127.0.0.1:0",
    "azure:azure-openai=127.0.0.1:0",
    "anthropic:anthropic=127.0.0.1:0",
    "bedrock:bedrock=127.0.0.1:0",
    "compatible:openai-compatible=127.0.0.1:0",
)
#: A pace that costs little time and still parts a stream into pieces.
BRISK = ("--first-token", "2ms", "--per-token", "1ms")


@dataclass(frozen=True)
class Lane:
    """One way to a model."""

    #: What clients write as `model`.
    model: str
    provider: str
    #: The provider's own name of the model.
    name: str
    surface: str | None = None
    #: Whether the provider takes media by web address.
    urls: bool = True
    #: Whether the wire format has stop sequences.
    stops: bool = True
    #: Whether the wire format says which stop sequence was met.
    tells_stop: bool = False

    def __str__(self) -> str:
        return self.model

    @property
    def deployment(self) -> str:
        return f"{self.model}@{self.provider}"

    def entry(self) -> dict:
        """The deployment as the configuration writes it."""
        entry = {"provider": self.provider, "name": self.name}
        return entry | ({"surface": self.surface} if self.surface else {})


LANES = (
    Lane("by-openai-chat", "openai", "gpt-5.5"),
    Lane("by-openai-responses", "openai", "gpt-5.5", surface="responses", stops=False),
    Lane("by-azure", "azure", "gpt55-eu"),
    Lane("by-azure-dated", "azure-dated", "gpt55-eu"),
    Lane("by-compatible", "compatible", "llama-4"),
    Lane("by-anthropic", "anthropic", "claude-sonnet-5", tells_stop=True),
    Lane("by-converse", "bedrock", "us.amazon.nova-pro-v1:0", urls=False),
    Lane(
        "by-bedrock-messages",
        "bedrock",
        "us.anthropic.claude-sonnet-5",
        urls=False,
        tells_stop=True,
    ),
    Lane("by-mantle", "bedrock", "openai.gpt-5.5", urls=False, stops=False),
    Lane("by-runtime", "bedrock-key", "us.openai.gpt-5.5", urls=False, stops=False),
)


def providers(urls: dict[str, str]) -> dict[str, dict]:
    """The providers of a configuration, at the addresses of the simulated ones that run."""
    key = lambda name: {"env": name}
    at = urls.get
    bedrock = {
        "kind": "bedrock",
        "region": "us-east-1",
        "endpoint": at("bedrock"),
        "mantle_endpoint": at("bedrock"),
    }
    azure = {
        "kind": "azure-openai",
        "endpoint": at("azure"),
        "api_key": key("AZURE_OPENAI_API_KEY"),
    }
    every = {
        "openai": {
            "kind": "openai",
            "base_url": f"{at('openai')}/v1",
            "api_key": key("OPENAI_API_KEY"),
        },
        "azure": azure,
        "azure-dated": azure | {"api_version": "2025-04-01-preview"},
        "anthropic": {
            "kind": "anthropic",
            "base_url": at("anthropic"),
            "api_key": key("ANTHROPIC_API_KEY"),
        },
        "bedrock": bedrock,
        "bedrock-key": bedrock | {"api_key": key("BEDROCK_API_KEY")},
        "compatible": {
            "kind": "openai-compatible",
            "base_url": f"{at('compatible')}/v1",
            "api_key": key("COMPATIBLE_API_KEY"),
        },
    }
    kind = lambda name: name.split("-")[0]
    return {name: one for name, one in every.items() if kind(name) in urls}


def serve(
    directory: Path,
    sim: Sim,
    models: dict,
    features: dict | None = None,
    accounts: dict[str, str] | None = None,
) -> Gateway:
    """A gateway over simulated providers; `accounts` are further ones at the providers named."""
    known = providers(sim.urls)
    further = {name: known[provider] for name, provider in (accounts or {}).items()}
    config = {
        "version": 1,
        "server": SERVER,
        "providers": known | further,
        "models": models,
        "features": features or {},
    }
    return Gateway(directory, config)
