"""What the trials of a plan take with a GPU, in words, with what that rests on."""

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from paretune.analysis.table.plan_cost import ANSWER_LAYER_SECONDS, LINK_SHARE, PricedMethod, Pricing
from paretune.analysis.table.projection import LAYER_SECONDS, Span
from paretune.report.cost import about, rounded, time_unit
from paretune.report.format import MISSING, plain, size


def pricing_summary(found: Pricing, price: float | None) -> Group:
    """Return the table of methods for a rich console, the whole, and what it rests on. `price` is that of an hour."""
    lines = [_whole(found, price), *assumptions(found)]
    lines += [
        f"Memory of {plain(one.label)}: not predicted ({plain(one.why_not)})" for one in found.methods if one.why_not
    ]
    return Group(Text(f"\nProjected, not measured: {_where(found)}", "bold"), _table(found, price), *map(Text, lines))


def pricing_json(found: Pricing, price: float | None) -> dict[str, Any]:
    """Return the same as plain JSON values. Bytes and seconds."""
    money = {} if price is None else {"price_per_hour": price, "price": _money(found.seconds, price)._asdict()}
    return {
        "gpu": found.cards.card.name,
        "num_devices": found.cards.number,
        "seconds": found.seconds._asdict(),
        "answer_bytes": found.answer_bytes,
        "num_answering_devices": found.num_answering,
        "tokens_by_characters": found.by_characters,
        "methods": [_method_json(one) for one in found.methods],
        "assumptions": assumptions(found),
        **money,
    }


def _method_json(one: PricedMethod) -> dict[str, Any]:
    step = one.step
    return {
        "method": one.label,
        "train_needed_bytes": one.needed_bytes,
        "not_predicted": one.why_not,
        "num_trials": one.num_trials,
        "seconds": one.seconds._asdict(),
        "step": None
        if step is None
        else {
            "flops": step.flops,
            "compute_seconds": step.compute._asdict(),
            "received_bytes": step.received_bytes,
            "seconds": step.seconds._asdict(),
        },
    }


def _where(found: Pricing) -> str:
    name = found.cards.card.name.upper()
    return f"{found.compute.model} on {f'{found.cards.number} {name}' if found.cards.number > 1 else f'one {name}'}"


def _table(found: Pricing, price: float | None) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    each = "on each" if found.cards.number > 1 else "needs"
    headings = ("Method", f"Training {each}", f"Fits {size(found.cards.memory_bytes)}", "Step (s)", "Trials", "Hours")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "Method" else "right")
    if price is not None:
        table.add_column("Price", justify="right")
    for one in found.methods:
        needed = one.needed_bytes
        table.add_row(
            plain(one.label),
            MISSING if needed is None else size(needed),
            MISSING if needed is None else "yes" if needed <= found.cards.memory_bytes else "no",
            MISSING if one.step is None else about(one.step.seconds),
            str(one.num_trials),
            about(one.seconds.times(1 / 3600)),
            *([] if price is None else [about(_money(one.seconds, price))]),
        )
    return table


def _whole(found: Pricing, price: float | None) -> str:
    scale, name = time_unit(found.seconds.middle)
    line = f"All trials, one after another: about {about(found.seconds.times(1 / scale), f' {name}')}"
    if price is not None:
        line += f"; about {about(_money(found.seconds, price))} at {price:g} an hour"
    later = f", and {found.num_later} later tuning trials come on top" if found.num_later else ""
    return f"{line}{later}. Not in it: loading the model twice for each trial, saving, and forgetting."


def _money(seconds: Span, price: float) -> Span:
    return seconds.times(price / 3600)


def assumptions(found: Pricing) -> list[str]:
    """Return what the values rest on, a sentence each."""
    cards, step = found.cards, next(one.step for one in found.methods if one.step is not None)
    low, high = cards.utilisation
    first, last = (f"{1e3 * seconds:.1f}" for seconds in LAYER_SECONDS)
    slow, fast = (f"{1e3 * seconds:.1f}" for seconds in ANSWER_LAYER_SECONDS)
    how = (
        "as steps of models of 1 to 3 billion parameters did, measured on an H200 and an L40S"
        if found.speed_from is None
        else f"as 80% of the steps in {plain(found.speed_from)} did"
    )
    said = [
        f"A step's operations, {rounded(step.flops / 1e12)} TFLOP, at {low:.0%} to {high:.0%} of the peak of "
        f"{cards.number} x {cards.card.peak_flops / 1e12:g} TFLOP/s, {how}; at least {first} to {last} ms for each of "
        f"{found.compute.num_layers} layers: {about(step.compute)} s.",
    ]
    if cards.number > 1:
        least, most = LINK_SHARE
        said.append(
            f"In a step each card receives {size(step.received_bytes)} from the others, at {least:.0%} to {most:.0%} "
            f"of {cards.link_bytes_per_second / 1e9:g} GB/s (assumed, not measured): at best while it computes, at "
            "worst after it."
        )
    if cards.cpu_offload:
        said.append(
            "With CPU offload, parameters also come from main memory in each forward and each backward pass, and the "
            "optimizer steps there. Neither is in the times: take them as the least."
        )
    said.append(
        f"Answers take {slow} to {fast} ms for each token and layer, and are as long as the references at best and as "
        "allowed at worst."
    )
    said.append(_answering(found))
    if found.by_characters:
        said.append(
            "The tokenizer is not here: tokens are counted by characters, 2.5 for each, and memory is that of examples "
            "of max_length tokens."
        )
    return said


def _answering(found: Pricing) -> str:
    """Return which cards the answers come from, in a sentence or two."""
    cards, needed = found.cards, size(found.answer_bytes)
    if found.num_answering <= 1:
        return f"Answers are generated on one GPU, and need {needed} there."
    if found.num_answering <= cards.number:
        return f"Answers need {needed}: they are generated on {found.num_answering} of the {cards.number} GPUs."
    together = "One" if cards.number == 1 else f"{cards.number}"
    return (
        f"Answers need {needed}. {together} {cards.card.name.upper()} of {size(cards.memory_bytes)} cannot hold that: "
        "every trial that answers would end out of memory, and no accuracy would be measured."
    )
