"""Reference numbers for the formulas of tieline-gate, from scipy, statsmodels and numpy.

Prints JSON: `python reference.py > numbers.json`. Where a library has the formula it is used;
where none has, the formula is written a second time here, in another way than in the crate.
"""

import json
import math
from itertools import combinations, product

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.stats import contingency_tables, inter_rater, multitest, proportion

RNG = np.random.default_rng(20261123)


def distributions():
    normal = [{"p": p, "z": stats.norm.ppf(p)} for p in (1e-6, 0.01, 0.025, 0.05, 0.2, 0.5, 0.8, 0.975)]
    t = [
        {"p": p, "df": df, "t": stats.t.ppf(p, df)}
        for p in (0.025, 0.05, 0.9, 0.95, 0.995)
        for df in (1, 2, 5, 19, 49, 199, 1999, 20000)
    ]
    beta = [
        {"p": p, "a": a, "b": b, "x": stats.beta.ppf(p, a, b)}
        for p in (0.025, 0.05, 0.95)
        for a, b in ((1, 20), (3, 18), (50, 50), (1, 999), (980, 21))
    ]
    binomial = [
        {"k": k, "n": n, "p": p, "cdf": stats.binom.cdf(k, n, p)}
        for k, n, p in ((0, 59, 0.05), (1, 8, 0.5), (18, 20, 0.95), (480, 500, 0.95), (40, 100, 0.3))
    ]
    return {"normal": normal, "t": t, "beta": beta, "binomial": binomial}


def means():
    cases = []
    for n, clusters in ((12, 4), (60, 17), (200, 40)):
        labels = RNG.integers(0, clusters, n)
        labels[:clusters] = np.arange(clusters)
        effect = RNG.normal(0, 0.2, clusters)[labels]
        candidate = np.clip(0.7 + effect + RNG.normal(0, 0.2, n), 0, 1)
        incumbent = np.clip(0.72 + effect + RNG.normal(0, 0.2, n), 0, 1)
        d = candidate - incumbent
        fit = sm.OLS(d, np.ones(n)).fit(cov_type="cluster", cov_kwds={"groups": labels})
        plain = sm.OLS(d, np.ones(n)).fit(
            cov_type="cluster", cov_kwds={"groups": labels, "use_correction": False}
        )
        # statsmodels also multiplies by (n - 1)/(n - k), which is one here: k is 1.
        clustered = float(fit.bse[0])
        reach = stats.t.ppf(0.95, clusters - 1) * clustered
        interval = stats.t.interval(0.90, n - 1, loc=d.mean(), scale=stats.sem(d))
        cases.append(
            {
                "candidate": candidate.tolist(),
                "incumbent": incumbent.tolist(),
                "labels": labels.tolist(),
                "mean": d.mean(),
                "se_candidate": stats.sem(candidate),
                "se_paired": stats.sem(d),
                "se_paired_by_covariance": math.sqrt(
                    (np.var(candidate, ddof=1) + np.var(incumbent, ddof=1)
                     - 2 * np.cov(candidate, incumbent)[0, 1]) / n
                ),
                "se_clustered": clustered,
                "se_clustered_uncorrected": float(plain.bse[0]),
                "t_interval": list(interval),
                "clustered_interval": [d.mean() - reach, d.mean() + reach],
                "p_below_minus_5_points": stats.ttest_1samp(d, -0.05, alternative="less").pvalue,
            }
        )
    repeats = (RNG.random((50, 4)) < RNG.beta(1, 1, 50)[:, None]).astype(float)
    between = np.var(repeats.mean(axis=1), ddof=1)
    within = np.var(repeats, axis=1, ddof=1).mean()
    variance = {
        "repeats": repeats.tolist(),
        "between": between,
        "within": within,
        "items": between - within / 4,
    }
    return {"cases": cases, "variance": variance}


def tango_statistic(b, c, n, delta):
    """The score statistic, its likeliest shares found by climbing the likelihood.

    `s` is the smaller of the two discordant shares; the other is larger by `delta`.
    """
    rest, most = n - b - c, (1 - abs(delta)) / 2

    def slope(s):
        gained, lost = s + max(delta, 0.0), s + max(-delta, 0.0)
        up = (b / gained if b else 0.0) + (c / lost if c else 0.0)
        return up - (2 * rest / (1 - gained - lost) if rest else 0.0)

    least, top = most * 1e-13, most * (1 - 1e-13)
    if slope(least) <= 0:
        s = 0.0
    elif slope(top) >= 0:
        s = most
    else:
        s = optimize.brentq(slope, least, top, xtol=1e-17, rtol=8.9e-16, maxiter=1000)
    variance = n * (2 * s + abs(delta) - delta**2)
    return (b - c - n * delta) / math.sqrt(variance)


def tango_interval(b, c, n, tail):
    z = stats.norm.isf(tail)
    estimate = (b - c) / n
    edge = 1e-12

    def root(sign, low, high):
        return optimize.brentq(lambda d: tango_statistic(b, c, n, d) - sign * z, low, high, xtol=1e-14)

    lower = -1.0 if b == 0 and c == n else root(1, -1 + edge, estimate - (edge if b + c == 0 else 0))
    upper = 1.0 if c == 0 and b == n else root(-1, estimate + (edge if b + c == 0 else 0), 1 - edge)
    return [lower, upper]


def newcombe(a, b, c, d, tail):
    n = a + b + c + d
    p, q = (a + b) / n, (a + c) / n
    confidence = 2 * tail
    l1, u1 = proportion.proportion_confint(a + b, n, confidence, "wilson")
    l2, u2 = proportion.proportion_confint(a + c, n, confidence, "wilson")
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    cross = a * d - b * c
    cross = max(cross - n / 2, 0) if cross > 0 else cross
    phi = cross / math.sqrt(margins) if margins else 0.0
    lower = (p - q) - math.sqrt((p - l1) ** 2 - 2 * phi * (p - l1) * (u2 - q) + (u2 - q) ** 2)
    upper = (p - q) + math.sqrt((u1 - p) ** 2 - 2 * phi * (u1 - p) * (q - l2) + (q - l2) ** 2)
    return [lower, upper]


def bonett_price(b, c, n, tail):
    p, q = (b + 1) / (n + 2), (c + 1) / (n + 2)
    reach = stats.norm.isf(tail) * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    return [p - q - reach, p - q + reach]


def binary():
    cases = []
    tables = (
        (1, 1, 7, 12), (10, 3, 2, 15), (150, 12, 9, 29), (80, 0, 5, 15), (60, 4, 0, 36),
        (30, 0, 0, 20), (700, 40, 61, 199), (0, 5, 5, 0), (2, 9, 1, 3),
    )
    for (a, b, c, d), tail in product(tables, (0.025, 0.05)):
        n = a + b + c + d
        table = [[a, b], [c, d]]
        exact_lower = (proportion.proportion_confint(b, n, tail, "beta")[0]
                       - proportion.proportion_confint(c, n, tail, "beta")[1])
        mcnemar = None
        if b + c:
            exact = contingency_tables.mcnemar(table, exact=True).pvalue
            mcnemar = {
                "exact": exact,
                "mid_p": exact - stats.binom.pmf(min(b, c), b + c, 0.5) if b != c
                else 1 - stats.binom.pmf(b, b + c, 0.5) / 2,
                "asymptotic": contingency_tables.mcnemar(table, exact=False, correction=False).pvalue,
                "corrected": contingency_tables.mcnemar(table, exact=False, correction=True).pvalue
                if b != c else 1.0,
            }
        cases.append(
            {
                "counts": {"both": a, "gained": b, "lost": c, "neither": d},
                "tail": tail,
                "tango": tango_interval(b, c, n, tail),
                "tango_p_at_minus_5_points": stats.norm.cdf(tango_statistic(b, c, n, -0.05)),
                "newcombe": newcombe(a, b, c, d, tail),
                "bonett_price": bonett_price(b, c, n, tail),
                "exact_lower": exact_lower,
                "mcnemar": mcnemar,
            }
        )
    published = {
        "counts": {"both": 1, "gained": 1, "lost": 7, "neither": 12},
        "tango": [-0.5172, -0.0260],
        "newcombe": [-0.5069, -0.0256],
        "bonett_price": [-0.5084, -0.0134],
        "mcnemar": [0.0703, 0.0391, 0.0339, 0.0771],
    }
    return {"cases": cases, "published": published}


def rates():
    cases = []
    for (x, n), tail in product(((0, 20), (7, 21), (20, 20), (180, 200), (1, 1000)), (0.025, 0.05)):
        cases.append(
            {
                "successes": x, "n": n, "tail": tail,
                "wilson": list(proportion.proportion_confint(x, n, 2 * tail, "wilson")),
                "clopper_pearson": list(proportion.proportion_confint(x, n, 2 * tail, "beta")),
                "p_below_90_percent": proportion.proportions_ztest(
                    x, n, 0.9, alternative="smaller", prop_var=0.9)[1],
            }
        )
    zero = [
        {"n": n, "tail": tail, "bound": stats.beta.ppf(1 - tail, 1, n)}
        for n in (10, 59, 299) for tail in (0.05, 0.01)
    ]
    attempts = []
    for n, c, k in ((4, 2, 1), (4, 2, 2), (10, 3, 5), (10, 9, 2), (5, 5, 5), (8, 0, 3), (200, 13, 10)):
        attempts.append(
            {
                "n": n, "c": c, "k": k,
                "pass_at_k": 1 - stats.hypergeom.pmf(0, n, c, k),
                "pass_hat_k": stats.hypergeom.pmf(k, n, c, k),
            }
        )
    every_draw = [all(draw) for draw in combinations([True] * 3 + [False] * 2, 2)]
    return {
        "cases": cases, "zero_failures": zero, "attempts": attempts,
        "pass_hat_2_of_3_in_5_by_counting": sum(every_draw) / len(every_draw),
    }


def power():
    za, zb = stats.norm.ppf(0.95), stats.norm.ppf(0.8)
    non_inferiority = []
    for psi, delta, margin in product((0.05, 0.10, 0.20), (0.0, -0.005), (0.01, 0.02, 0.03, 0.05)):
        variance = psi - delta**2
        n = (za + zb) ** 2 * variance / (delta + margin) ** 2
        items = math.ceil(n)
        non_inferiority.append(
            {
                "discordance": psi, "delta": delta, "margin": margin, "items": items,
                "power_at_300": stats.norm.cdf((delta + margin) / math.sqrt(variance / 300) - za),
                "margin_at_300": (za + zb) * math.sqrt(variance / 300) - delta,
            }
        )
    miller = []
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    for omega, sigma, k in ((1 / 9, 0.0, 1), (1 / 9, 1 / 6, 1), (1 / 9, 1 / 6, 10)):
        variance = omega + 2 * sigma / k
        miller.append(
            {
                "omega2": omega, "sigma2": sigma, "repeats": k,
                "items_for_3_points": math.ceil(z**2 * variance / 0.03**2),
                "detectable_at_198": z * math.sqrt(variance / 198),
            }
        )
    published = {"items_for_3_points": [969, 3876, 1260], "detectable_at_198": [None, 0.133, 0.076]}
    return {"non_inferiority": non_inferiority, "miller": miller, "published": published}


def ratios():
    n = 80
    cost = RNG.lognormal(-5, 0.6, n)
    success = (RNG.random(n) < 0.8).astype(float)
    r = cost.mean() / success.mean()
    cov = np.cov(cost, success)
    variance = (cov[0, 0] - 2 * r * cov[0, 1] + r**2 * cov[1, 1]) / (n * success.mean() ** 2)
    slow = RNG.lognormal(6, 0.5, n)
    fast = slow * RNG.lognormal(-0.1, 0.3, n)
    logs = np.log(fast / slow)
    interval = stats.t.interval(0.90, n - 1, loc=logs.mean(), scale=stats.sem(logs))
    quantiles = [{"level": q, "value": np.quantile(slow, q)} for q in (0.0, 0.5, 0.9, 0.95, 1.0)]
    def bootstrap_ratio(a, b, axis=-1):
        return np.quantile(a, 0.95, axis=axis) / np.quantile(b, 0.95, axis=axis)
    boot = stats.bootstrap(
        (fast, slow), bootstrap_ratio, paired=True, n_resamples=20000, confidence_level=0.90,
        method="percentile", rng=np.random.default_rng(1),
    ).confidence_interval
    return {
        "cost": cost.tolist(), "success": success.tolist(), "ratio": r, "ratio_se": math.sqrt(variance),
        "fast": fast.tolist(), "slow": slow.tolist(),
        "latency": [math.exp(logs.mean()), math.exp(interval[0]), math.exp(interval[1])],
        "quantiles": quantiles,
        "p95_ratio": bootstrap_ratio(fast, slow), "p95_ratio_bootstrap": [boot.low, boot.high],
    }


def bootstrap():
    """An interval that a seeded bootstrap-t has to come near to: its own draws differ."""
    values = RNG.exponential(0.1, 40) - 0.08
    n, mean, se = len(values), values.mean(), stats.sem(values)
    draws = RNG.choice(values, size=(200000, n))
    ts = (draws.mean(axis=1) - mean) / (draws.std(axis=1, ddof=1) / math.sqrt(n))
    return {
        "values": values.tolist(),
        "interval": [mean - np.quantile(ts, 0.95) * se, mean - np.quantile(ts, 0.05) * se],
    }


def multiple():
    p = [0.001, 0.04, 0.03, 0.2, 0.0125, 0.9, 0.03]
    return {
        "p": p,
        "holm": multitest.multipletests(p, method="holm")[1].tolist(),
        "benjamini_hochberg": multitest.multipletests(p, method="fdr_bh")[1].tolist(),
    }


def krippendorff(items):
    """By comparing every pair of ratings, within items and among all."""
    items = [item for item in items if len(item) > 1]
    everything = [label for item in items for label in item]
    n = len(everything)
    observed = sum(
        sum(a != b for i, a in enumerate(item) for j, b in enumerate(item) if i != j) / (len(item) - 1)
        for item in items
    ) / n
    expected = sum(
        a != b for i, a in enumerate(everything) for j, b in enumerate(everything) if i != j
    ) / (n * (n - 1))
    return 1 - observed / expected


def agreement():
    tables = [[[80, 12], [9, 60]], [[45, 5], [3, 47]], [[20, 5, 1], [4, 30, 6], [0, 3, 31]]]
    kappas = []
    for table in tables:
        result = inter_rater.cohens_kappa(np.array(table))
        interval = [result.kappa_low, result.kappa_upp]
        kappas.append({"table": table, "kappa": result.kappa, "interval": interval})
    ratings = RNG.integers(0, 3, (30, 5))
    ratings[RNG.random((30, 5)) < 0.6] = 1
    counts, _ = inter_rater.aggregate_raters(ratings, n_cat=3)
    ragged = [row[: RNG.integers(1, 6)].tolist() for row in ratings]
    return {
        "kappas": kappas,
        "fleiss_table": counts.tolist(),
        "fleiss": inter_rater.fleiss_kappa(counts),
        "ragged": ragged,
        "krippendorff": krippendorff(ragged),
        "full": ratings.tolist(),
        "krippendorff_full": krippendorff(ratings.tolist()),
    }


def corrected_rate(good, n, q0, m0, q1, m1, tail):
    z = stats.norm.isf(tail)
    p0 = good / n
    estimate = (p0 + q0 - 1) / (q0 + q1 - 1)
    p = (n * p0 + z**2 / 2) / (n + z**2)
    q0, q1 = (m0 * q0 + 1) / (m0 + 2), (m1 * q1 + 1) / (m1 + 2)
    v0, v1 = q0 * (1 - q0) / (m0 + 2), q1 * (1 - q1) / (m1 + 2)
    theta = (p + q0 - 1) / (q0 + q1 - 1)
    centre = theta + 2 * z**2 * (theta * v1 - (1 - theta) * v0)
    variance = p * (1 - p) / (n + z**2) + (1 - theta) ** 2 * v0 + theta**2 * v1
    reach = z * math.sqrt(variance) / (q0 + q1 - 1)
    return {
        "good": good, "n": n, "good_as_good": round(m1 * ((q1 * (m1 + 2) - 1) / m1)), "m1": m1,
        "bad_as_bad": round(q0 * (m0 + 2) - 1), "m0": m0, "tail": tail,
        "estimate": min(max(estimate, 0), 1),
        "interval": [min(max(centre - reach, 0), 1), min(max(centre + reach, 0), 1)],
    }


def judges():
    cases = [
        corrected_rate(400, 1000, 0.7, 200, 0.9, 200, 0.025),
        corrected_rate(150, 200, 0.8, 60, 0.95, 80, 0.05),
    ]
    return {"cases": cases, "published": {"estimate": 0.1667, "interval": [0.0564, 0.2627]}}


def e_process(differences, margin):
    """Both log-wealths after every pair, from whole arrays instead of running sums."""
    d = np.array(differences)
    ups, downs, up, down = [], [], 0.0, 0.0
    means = [d[: i + 1].sum() / (i + 2) for i in range(len(d))]
    for i in range(len(d)):
        mean = d[:i].sum() / (i + 1)
        variance = (1 + sum((d[j] - means[j]) ** 2 for j in range(i))) / (i + 1)
        x = d[i] + margin
        bet = (mean + margin) / (variance + (mean + margin) ** 2)
        up += math.log1p(min(max(bet, 0), 0.5 / (1 - margin)) * x)
        down += math.log1p(-min(max(-bet, 0), 0.5 / (1 + margin)) * x)
        ups.append(up)
        downs.append(down)
    n = len(d)
    variance = (1 + sum((d[j] - means[j]) ** 2 for j in range(n))) / (n + 1)
    rho2 = (-2 * math.log(0.05) + math.log(-2 * math.log(0.05)) + 1) / 100
    inner = n * variance * rho2 + 1
    reach = math.sqrt(inner / (n**2 * rho2) * math.log(inner / 0.05**2))
    return {
        "differences": d.tolist(), "margin": margin, "up": ups, "down": downs,
        "confidence": [max(d.mean() - reach, -1), min(d.mean() + reach, 1)],
    }


def sequential():
    equal = RNG.choice([-1, 0, 1], 400, p=[0.05, 0.9, 0.05])
    worse = RNG.choice([-1, 0, 1], 400, p=[0.15, 0.8, 0.05])
    graded = np.clip(RNG.normal(-0.02, 0.3, 200), -1, 1)
    return [e_process(equal, 0.05), e_process(worse, 0.05), e_process(graded, 0.1)]


def main():
    numbers = {
        "made_with": {
            "numpy": np.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__,
        },
        "distributions": distributions(),
        "means": means(),
        "binary": binary(),
        "rates": rates(),
        "power": power(),
        "ratios": ratios(),
        "bootstrap": bootstrap(),
        "multiple": multiple(),
        "agreement": agreement(),
        "judges": judges(),
        "sequential": sequential(),
    }
    sections = (f'"{name}": {json.dumps(part, default=float)}' for name, part in numbers.items())
    print("{\n" + ",\n".join(sections) + "\n}")


if __name__ == "__main__":
    main()
