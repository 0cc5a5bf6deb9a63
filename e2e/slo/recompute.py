#!/usr/bin/env python3
"""Works out an objective from a log of requests, by nothing but its definition.

    recompute.py SLO.json EVENTS.ndjson [--now MINUTE]

The definition is an OpenSLO document as JSON. A line of the log is a request as Tieline records it,
with what indicators need beside that: `tier_position`, `longest_gap_us`, `score`,
`job: {took_us, done}` and `drill`, each where there is one. It may be the event log of a drill: what
is no request of a client is left out. A request counts in the minute in which
it ended. Printed as JSON: what counted in the window that ends with the last minute of the log (or
with MINUTE since the Unix epoch), what that spent of the budget, and the stretches of minutes in
which alerts fire.

It shares no code with Tieline, and needs nothing but Python: a second opinion.
"""

import argparse
import itertools
import json
import math
import re
import sys
from collections import defaultdict
from decimal import Decimal

MINUTES = {"m": 1, "h": 60, "d": 1440, "w": 10080}
MICROSECONDS = {
    "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000,
    "d": 86_400_000_000, "w": 604_800_000_000,
}
# Severity, long and short window, minutes that it must have held.
WINDOWS = [
    ("page", 60, 5, 0), ("page", 360, 30, 0),
    ("ticket", 1440, 120, 0), ("ticket", 4320, 360, 0),
]
# Per cent of the budget in the long window.
BUDGETS = {"google-30d": (2, 5, 10, 10), "google-28d": (2, 5, 10, 10), "7d": (8, 12.5, 20, 42)}
PYRRA = [
    ("page", 60, 5, 2, 14), ("page", 360, 30, 15, 7),
    ("ticket", 1440, 120, 60, 2), ("ticket", 5760, 360, 180, 1),
]
USUAL = {43200: "google-30d", 40320: "google-28d", 10080: "7d"}
NORMAL = 1.959963984540054


def units(text, table):
    number, unit = re.fullmatch(r"(\d+)([a-z]+)", text).groups()
    return int(number) * table[unit]


class Definition:
    def __init__(self, document):
        annotations = document["metadata"].get("annotations", {})
        spec = document["spec"]
        if "alertPolicies" in spec or "indicatorRef" in spec:
            sys.exit("only inline indicators and catalogues of alert windows are understood")
        objective = spec["objectives"][0]
        self.name, self.feature = document["metadata"]["name"], spec["service"]
        self.target = objective.get("target", objective.get("targetPercent", 0) / 100)
        self.budget = round(1 - self.target, 12)
        self.window = units(spec["timeWindow"][0]["duration"], MINUTES)
        self.good = spec["indicator"]["spec"]["ratioMetric"]["good"]["metricSource"]["spec"]
        self.min_bad = int(annotations.get("tieline.dev/min-bad-events", 5))
        after = annotations.get("tieline.dev/no-data-after", "6h")
        self.no_data_after = None if after == "never" else units(after, MINUTES)
        name = annotations.get("tieline.dev/alert-windows", USUAL.get(self.window, "google-30d"))
        self.rules = self.alert_rules(name)

    def alert_rules(self, name):
        if name == "pyrra-28d":
            return PYRRA
        rules = []
        for (severity, long, short, hold), percent in zip(WINDOWS, BUDGETS[name]):
            if long <= self.window:
                rules.append((severity, long, short, hold, percent / 100 * self.window / long))
        return rules


def is_answered(call):
    return call["outcome"] in ("served", "degraded")


def is_selected(call, good):
    wanted = [key for key in ("promptAbove", "promptUpTo", "reasoning") if key in good]
    usage = call["usage"]
    if not wanted:
        return True
    if usage is None:
        return False
    prompt = sum(
        usage[bucket]
        for bucket in ("input", "cache_read", "cache_write_5m", "cache_write_1h",
                       "cache_write_other", "input_audio")
    )
    return (
        prompt > good.get("promptAbove", -1)
        and prompt <= good.get("promptUpTo", math.inf)
        and good.get("reasoning", usage["reasoning"] > 0) == (usage["reasoning"] > 0)
    )


def availability(call, good):
    if call["outcome"] == "refused" or call["fault"] == "policy_block":
        return None
    if call["outcome"] == "cancelled":
        if call["first_content_us"] is not None or call["duration_us"] < 2_000_000:
            return None
    if call["outcome"] != "served":
        return False
    if "maxTier" not in good:
        return True
    return call.get("tier_position") is not None and call["tier_position"] <= good["maxTier"]


def tier0_share(call, _):
    return call.get("tier_position") == 0 if is_answered(call) else None


def ttft(call, good):
    if not (call["stream"] and is_answered(call) and is_selected(call, good)):
        return None
    first = call["first_content_us"]
    return first is not None and first <= units(good["within"], MICROSECONDS)


def itl(call, good):
    usage, first = call["usage"], call["first_content_us"]
    if usage is None or first is None or not call["stream"] or not is_answered(call):
        return None
    tokens = usage["output"] + usage["reasoning"] + usage["output_audio"]
    if tokens < 50:
        return None
    parts = []
    if "gap" in good:
        gap = call.get("longest_gap_us")
        parts.append(None if gap is None else gap <= units(good["gap"], MICROSECONDS))
    if "tokensPerSecond" in good:
        seconds = (call["duration_us"] - first) / 1e6
        parts.append(tokens >= good["tokensPerSecond"] * seconds)
    if False in parts:
        return False
    return None if None in parts else True


def stream_completion(call, _):
    if not call["stream"] or call["first_content_us"] is None or call["outcome"] == "cancelled":
        return None
    return call["outcome"] != "broken"


def e2e(call, good):
    if not (is_answered(call) and is_selected(call, good)):
        return None
    return call["duration_us"] <= units(good["within"], MICROSECONDS)


def quality(call, good):
    return None if call.get("score") is None else call["score"] >= good["atLeast"]


def cost(call, good):
    if not is_answered(call):
        return None
    if not call["attempts"]:
        return True
    costs = [attempt["cost"] for attempt in call["attempts"] if attempt["cost"]]
    if not costs:
        return None
    cheap = sum(Decimal(one["usd"]) for one in costs) <= Decimal(str(good["atMostUsd"]))
    known = all(one["state"] in ("priced", "estimated") for one in costs)
    return cheap if known or not cheap else None


def freshness(call, good):
    job = call.get("job")
    if job is None:
        return None
    return job["done"] and job["took_us"] <= units(good["within"], MICROSECONDS)


INDICATORS = {
    one.__name__: one
    for one in (availability, tier0_share, ttft, itl, stream_completion, e2e, quality, cost, freshness)
}


def counted(definition, lines):
    judge = INDICATORS[definition.good["sli"]]
    minutes = defaultdict(lambda: [0, 0])
    last = 0
    for line in lines:
        call = json.loads(line)
        if (call.get("event", "request"), call.get("kind", "client")) != ("request", "client"):
            continue
        minute = (call["started_ms"] + call["duration_us"] // 1000) // 60_000
        last = max(last, minute)
        if call["feature"] != definition.feature or call.get("drill"):
            continue
        good = judge(call, definition.good)
        if good is not None:
            minutes[minute][0 if good else 1] += 1
    return minutes, last


def lower_bound(bad, total):
    share, square = bad / total, NORMAL * NORMAL
    middle = share + square / (2 * total)
    half = NORMAL * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    return max(0.0, (middle - half) / (1 + square / total))


class Sums:
    """Sums over windows, by sums from the first minute on."""

    def __init__(self, minutes, first, last):
        self.first = first
        ordered = [minutes.get(minute, (0, 0)) for minute in range(first, last + 1)]
        self.good = [0, *itertools.accumulate(good for good, _ in ordered)]
        self.bad = [0, *itertools.accumulate(bad for _, bad in ordered)]

    def over(self, end, window):
        to = end - self.first + 1
        since = max(0, to - window)
        return self.good[to] - self.good[since], self.bad[to] - self.bad[since]


def alerts(definition, minutes, first, last):
    sums, sampled = Sums(minutes, first, last), definition.good["sli"] == "quality"
    firing = {"page": [], "ticket": [], "no_data": []}
    held, latest = {}, None
    for now in range(first, last + 1):
        latest = now if now in minutes else latest
        fires = set()
        for rule in definition.rules:
            severity, long, short, hold, factor = rule
            (good, bad), (good_now, bad_now) = sums.over(now, long), sums.over(now, short)
            burns = False
            if bad >= definition.min_bad and good + bad and good_now + bad_now:
                ratio = lower_bound(bad, good + bad) if sampled else bad / (good + bad)
                ratio_now = bad_now / (good_now + bad_now)
                burns = min(ratio, ratio_now) / definition.budget > factor
            if not burns:
                held.pop(rule, None)
            elif now - held.setdefault(rule, now) >= hold:
                fires.add(severity)
        after = definition.no_data_after
        if after is not None and latest is not None and now - latest >= after:
            fires.add("no_data")
        for name in fires:
            stretches = firing[name]
            if stretches and stretches[-1][1] == now - 1:
                stretches[-1][1] = now
            else:
                stretches.append([now, now])
    return firing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("definition")
    parser.add_argument("events")
    parser.add_argument("--now", type=int, help="the minute that the window ends with")
    arguments = parser.parse_args()
    with open(arguments.definition, encoding="utf-8") as file:
        definition = Definition(json.load(file))
    with open(arguments.events, encoding="utf-8") as lines:
        minutes, last = counted(definition, lines)
    now = arguments.now or last
    first = min(minutes, default=now)
    good, bad = Sums(minutes, first, max(now, first)).over(now, definition.window)
    ratio = bad / (good + bad) if good + bad else 0.0
    spent = ratio / definition.budget
    print(json.dumps({
        "slo": definition.name,
        "feature": definition.feature,
        "good": good,
        "bad": bad,
        "budget_spent": spent,
        "budget_remaining": 1 - spent,
        "alert_minutes": alerts(definition, minutes, first, now),
    }))


if __name__ == "__main__":
    main()
