"""Tieline's prices against those of genai-prices, over random usages of the models of both.

Every disagreement must have one of the reasons that `docs/guide/cost.md` lists.
"""

import collections
import dataclasses
import json
import random
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import genai_prices
from genai_prices import Usage

from harness import run

SEED = 20261122
#: How many usages are priced by both; many more are drawn, as not all models are shared.
USAGES = 900
SHARED_MIN = 500
#: Fewer agreements would mean that the reasons explain away too much.
AGREED_MIN = 0.65
#: Before and after announced changes, changes of this year, and the dates of service tiers.
DATES = ["2026-05-01", "2026-07-30", "2026-10-25", "2026-11-22", "2026-12-01", "2027-01-01"]
#: Since when they know of all service tiers.
TIERS_SINCE = "2026-10-15"
PICODOLLAR = Decimal("1e-12")

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "cost.md"
#: Their name of each of our surfaces.
PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "aws",
    "gemini-api": "google",
    "vertex": "google",
    "mistral": "mistral",
    "xai": "x-ai",
    "groq": "groq",
    "elevenlabs": "elevenlabs",
}
#: How they are told of a service tier.
CONTEXTS = {
    "standard": {},
    "batch": {"processing": "batch"},
    "fast": {"speed": "fast"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "ultrafast": {"service_tier": "ultrafast"},
}
#: Their name of each of our units.
UNITS = {
    "characters": "input_characters",
    "audio_seconds": "audio_seconds",
    "session_seconds": "audio_seconds",
    "pages": "input_document_pages",
    "messages": "input_text_messages",
}


@dataclasses.dataclass
class Call:
    """One call, in our words and in theirs."""

    model: str
    surface: str
    scope: str
    tier: str
    at: str
    ours: dict[str, int]
    theirs: dict[str, int]
    name: str

    def line(self, **changed) -> dict:
        """What `tieline prices cost --batch` reads."""
        one = dataclasses.replace(self, **changed)
        channel = f"{one.surface}/{one.scope}/{one.tier}"
        return {"model": one.model, "channel": channel, "usage": one.ours, "at": one.at}

    def cost_of_theirs(self, **context: str) -> Decimal:
        when = datetime.fromisoformat(self.at).replace(tzinfo=UTC)
        price = genai_prices.calc_price(
            Usage(**self.theirs),
            self.name,
            provider_id=PROVIDERS[self.surface],
            genai_request_timestamp=when,
            price_context=context or None,
        )
        return price.total_price

    def is_theirs(self) -> bool:
        """Whether they have the model at all."""
        try:
            self.cost_of_theirs()
        except LookupError:
            return False
        return True


def tokens_of(line: dict, rng: random.Random) -> tuple[dict[str, int], dict[str, int]]:
    """Random tokens of what has a price, some of them beyond the bound of long calls."""
    priced = line["tokens"]
    above = (line["long"] or {"above": 200_000})["above"]
    size = rng.choice([100, 5_000, above // 2, above])
    ours = {}
    for bucket in ("input", "cache_read", "cache_write_5m", "cache_write_1h"):
        # Now and then, a cache is read that has no price.
        likely = 0.05 if bucket == "cache_read" else 0
        if rng.random() < ((1 if bucket == "input" else 0.5) if bucket in priced else likely):
            ours[bucket] = rng.randint(1, size)
    if "cache_write" in priced and "cache_write_5m" not in priced and rng.random() < 0.5:
        ours["cache_write_other"] = rng.randint(1, size)
    if "output" in priced:
        ours["output"] = rng.randint(1, 5_000)
        ours["reasoning"] = rng.choice([0, rng.randint(1, 5_000)])
    if "input_audio" in priced and rng.random() < 0.5:
        ours["input_audio"] = rng.randint(1, size)
    if "output_audio" in priced and rng.random() < 0.5:
        ours["output_audio"] = rng.randint(1, 5_000)
    count = collections.Counter(ours)
    writes = ["cache_write_5m", "cache_write_1h", "cache_write_other"]
    written = sum(count[bucket] for bucket in writes)
    theirs = {
        "input_tokens": count["input"] + count["cache_read"] + written + count["input_audio"],
        "cache_read_tokens": count["cache_read"],
        "cache_write_tokens": written,
        "cache_write_1h_tokens": count["cache_write_1h"],
        "input_audio_tokens": count["input_audio"],
        "output_tokens": count["output"] + count["reasoning"] + count["output_audio"],
        "output_audio_tokens": count["output_audio"],
    }
    # They ask for what is both, where there is audio as well as a cache.
    both = {"cache_audio_read_tokens": 0} if count["input_audio"] else {}
    return ours, {unit: count for unit, count in theirs.items() if count} | both


def drawn(line: dict, at: str, rng: random.Random) -> Call:
    """A random call of what a price line is for."""
    ours, theirs = tokens_of(line, rng) if line["tokens"] else ({}, {})
    for unit in line["units"].keys() & UNITS.keys():
        ours[unit] = rng.randint(1, rng.choice([9, 10_000]))
        theirs[UNITS[unit]] = ours[unit]
    model, surface, scope = line["model"], line["surface"], line["scope"]
    name = model
    if surface == "bedrock":
        scope = {"region": "region:us-west-2", "geo": "geo:us", "gov": "gov:us-gov-west-1"}.get(
            scope, scope
        )
        maker = {"claude": "anthropic.", "gpt": "openai.", "nova": "amazon."}
        made = maker.get(model.split("-")[0], "") + model
        name = {"global": "global.", "geo:us": "us."}.get(scope, "") + made
    return Call(model, surface, scope, line["tier"], at, ours, theirs, name)


def drawn_from_the_lists(rng: random.Random) -> list[Call]:
    """Calls that both can price, of all dates in equal parts."""
    calls = []
    for at in DATES:
        listed = run("prices", "list", "--at", at, "--format", "json")
        assert listed.returncode == 0, listed.stderr
        lines = json.loads(listed.stdout)["prices"]
        shared = [line for line in lines if drawn(line, at, random.Random(0)).is_theirs()]
        share = USAGES // len(DATES)
        calls += [drawn(line, at, rng) for line in rng.choices(shared, k=share)]
    return [call for call in calls if call.theirs]


def priced(lines: list[dict], folder: Path) -> list[dict]:
    """Our prices of all of them."""
    batch = folder / "batch.jsonl"
    batch.write_text("\n".join(json.dumps(line) for line in lines))
    done = run("prices", "cost", "--batch", batch)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(lines)
    return results


def usd(result: dict) -> Decimal | None:
    return None if result["usd"] is None else Decimal(result["usd"])


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(PICODOLLAR, ROUND_HALF_UP)


def close(ours: Decimal | None, theirs: Decimal) -> bool:
    """Equal, but for a picodollar for each thing that is rounded by itself."""
    return ours is not None and abs(ours - theirs) <= 2 * PICODOLLAR


#: Where else a price may be that they take for that of a scope.
ELSEWHERE = ["global", "region:us-east-1"]


def reason(call: Call, ours: dict, theirs: Decimal, elsewhere: list[dict]) -> str | None:
    """Why the two are not the same, by the names of the guide's table."""
    if any(close(usd(other), theirs) for other in elsewhere):
        return "scope"
    if call.tier != "standard" and theirs == rounded(call.cost_of_theirs()):
        return "tier date" if call.at < TIERS_SINCE else "service tier"
    if ours["state"] == "partial":
        return "bucket"
    if call.surface == "groq" and call.ours.get("audio_seconds", 10) < 10:
        return "least charge"
    if call.surface == "azure" and call.model.startswith("gpt-5.6"):
        return "azure history"
    return None


def test_every_disagreement_with_genai_prices_has_a_documented_reason(tmp_path):
    calls = drawn_from_the_lists(random.Random(SEED))
    assert len(calls) >= SHARED_MIN
    results = priced([call.line() for call in calls], tmp_path)
    others = [priced([call.line(scope=scope) for call in calls], tmp_path) for scope in ELSEWHERE]
    agreed, reasons, unexplained = 0, collections.Counter(), []
    for call, ours, *elsewhere in zip(calls, results, *others, strict=True):
        theirs = rounded(call.cost_of_theirs(**CONTEXTS[call.tier]))
        if close(usd(ours), theirs) and ours["state"] != "partial":
            agreed += 1
            continue
        why = reason(call, ours, theirs, elsewhere)
        reasons[why] += 1
        if why is None:
            unexplained.append((call, ours, str(theirs)))
    summary = f"{agreed} of {len(calls)} agree, {dict(reasons)}"
    print(summary)
    guide = GUIDE.read_text()
    assert unexplained == [], summary
    assert agreed >= AGREED_MIN * len(calls), summary
    assert all(f"| `{why}` |" in guide for why in reasons), summary
