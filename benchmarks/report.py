"""Write the figures that were measured into docs/performance.md, and draw them: `python -m benchmarks.report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.client import Figure
from benchmarks.pools import ANSWERS_AFTER, AT_ONCE, CALLS
from benchmarks.storm import SERVICE

RESULTS = Path(__file__).with_name("results")
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
PICTURES = PAGE.parent / "figures"


def result(name: str) -> Any:
    """What a benchmark wrote."""
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def cost() -> str:
    """The table of what calls cost."""
    measured = result("client")
    rows = ["| | ours | beside it | ratio | ± | at most | |", "|---|---|---|---|---|---|---|"]
    for one in (Figure(**figure) for figure in measured["figures"]):
        beside = one.against if one.against[0].isdigit() else f"{one.against}, {one.beside * 1e6:,.0f} µs"
        target = "" if one.target is None else f"{one.target:g}"
        rows.append(f"| {one.name} | {one.ours * 1e6:,.0f} µs | {beside} | {one.ratio:.2f} | {one.spread / 2:.0%} "
                    f"| {target} | {one.met} |")  # fmt: skip
    others = [f"- {value:,.0f} {name}" for name, value in measured["others"].items()]
    return "\n".join([f"{measured['about']}.", "", *rows, "", *others])


def scale() -> str:
    """The table of calls a second."""
    rates: dict[str, dict[str, list[float]]] = result("scale")
    head = list(next(iter(rates.values())))
    rows = [f"| calls a second, in flight | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    rows += [
        f"| {name} | {' | '.join(f'{middle:,.0f}' for _, middle, _ in by.values())} |" for name, by in rates.items()
    ]
    return "\n".join(rows)


def pools() -> str:
    """The table of what pools do."""
    what = f"{CALLS:,} calls, {AT_ONCE} at a time, answered after {ANSWERS_AFTER * 1e3:.0f} ms"
    rows = [
        f"| {what} | connections opened | calls that failed | questions to connections, a call |",
        "|---|---|---|---|",
    ]
    rows += [
        f"| {one['name']} | {one['opened']:,} | {one['failed']:,} | {one['asked']:,.0f} |" for one in result("pools")
    ]
    return "\n".join(rows)


def bulk() -> str:
    """The table of what jobs cost."""
    rows = ["| | | target | |", "|---|---|---|---|"]
    for one in result("bulk"):
        value = f"{one['value']:,.0f}" if one["value"] >= 100 else f"{one['value']:.3g}"
        rows.append(
            f"| {one['name']} | {value} {one['unit']} | {one['target']} | {'met' if one['met'] else 'missed'} |"
        )
    return "\n".join(rows)


def storm() -> str:
    """The table of the retry storm."""
    rows = ["| | requests | of them shed | calls that failed | over after |", "|---|---|---|---|---|"]
    rows += [f"| {one['scenario']}; {one['name']} | {one['requests']:,} | {one['shed']:,} | {one['failed']:,} "
             f"| {one['seconds']:.1f} s |" for one in result("storm")]  # fmt: skip
    return "\n".join(rows)


def sdks() -> str:
    """The table of other SDKs."""
    rows = ["| one call | blocking | asyncio |", "|---|---|---|"]
    measured: dict[str, dict[str, list[float]]] = result("sdks")
    for name in dict.fromkeys(name for by in measured.values() for name in by):
        found = [by.get(name) for by in measured.values()]
        rows.append(f"| {name} | {' | '.join('' if one is None else f'{one[1] * 1e6:,.0f} µs' for one in found)} |")
    return "\n".join(rows)


def written(page: str) -> str:
    """The page with the figures of now."""
    tables = {"cost": cost(), "pools": pools(), "scale": scale(), "bulk": bulk(), "storm": storm(), "sdks": sdks()}
    for name, table in tables.items():
        before, start, rest = page.partition(f"<!-- {name}: written by `make bench` -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->\n")
        assert start, name
        assert end, name
        page = f"{before}{start}{table}\n{end}{after}"
    return page


def draw() -> None:
    """Draw the figures."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "kraty-server"
    plain = {"Date": None, "Creator": None}
    PICTURES.mkdir(exist_ok=True)
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for name, by_flying in result("scale").items():
        line = "-" if "ours" in name else ":"
        flying = [int(one) for one in by_flying]
        low, middle, high = zip(*by_flying.values(), strict=True)
        (drawn,) = axes.plot(flying, middle, line, marker=".", label=name)
        axes.fill_between(flying, low, high, color=drawn.get_color(), alpha=0.15, linewidth=0)
    axes.set(xscale="log", xlabel="in flight", ylabel="calls a second", ylim=(0, None))
    axes.set_xticks(flying, [str(one) for one in flying])
    axes.minorticks_off()
    figure.legend(fontsize="small", ncols=3, loc="outside lower center")
    figure.savefig(PICTURES / "scale.svg", metadata=plain)
    outcomes = result("storm")
    names = list(dict.fromkeys(one["scenario"] for one in outcomes))
    figure, both = plt.subplots(1, len(names), figsize=(11, 5), sharey=True, layout="constrained")
    for axes, name, last in zip(both, names, (10, 60), strict=True):
        for one in outcomes:
            if one["scenario"] == name:
                counted: dict[int, int] = {}
                for tenth, requests in one["arrivals"]:
                    counted[tenth // 5] = counted.get(tenth // 5, 0) + 2 * requests
                times = range(last * 2)
                rates = [max(1, counted.get(time, 0)) for time in times]
                axes.step([time / 2 for time in times], rates, where="post", label=one["name"])
        axes.axhline(1 / SERVICE, color="grey", linestyle=":", label="what the server can carry out")
        axes.set(yscale="log", xlabel="seconds", title=name)
    both[0].set_ylabel("requests a second")
    figure.legend(*both[1].get_legend_handles_labels(), fontsize="small", ncols=3, loc="outside lower center")
    figure.savefig(PICTURES / "storm.svg", metadata=plain)

    figure, both = plt.subplots(1, 2, figsize=(11, 3.6), sharex=True, layout="constrained")
    for axes, (kind, by) in zip(both, result("sdks").items(), strict=True):
        for name, (low, middle, high) in reversed(by.items()):
            around = [[(middle - low) * 1e6], [(high - middle) * 1e6]]
            colour = "tab:blue" if name.startswith("kraty-server") else "silver"
            axes.barh(name, middle * 1e6, xerr=around, color=colour)
        axes.set(title=kind, xlabel="µs for one call")
    figure.savefig(PICTURES / "sdks.svg", metadata=plain)


def main() -> None:
    """Write and draw."""
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
    draw()


if __name__ == "__main__":
    main()
