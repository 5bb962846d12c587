"""What a person asks `paretune estimate`, in one process: the answers, and one clear line for nonsense."""

import json
from pathlib import Path
from typing import Any

import pytest

from paretune.cli.estimate import parse_bytes, show_estimates
from paretune.estimate import estimate_memory
from paretune.models.toy import toy_tokenizer
from paretune.report.estimates import estimate_line
from paretune.spec import InputError, MethodEntry
from paretune.spec.memory import MemoryEstimate, MemoryKind
from paretune.store.kept_estimates import ESTIMATES_FILE, read_estimates
from tests.cli.conftest import Paretune

pytestmark = pytest.mark.filterwarnings("ignore")


def ask(method: str = "lora", *, model: str = "toy:llama", **changed: Any) -> None:
    options: dict[str, Any] = {"set_values": [], "max_memory": [], "picture": None, "keep_in": None, "as_json": True}
    options |= {name: changed.pop(name) for name in list(changed) if name in options}
    recipe = {"batch_size": 2, "dtype": "float32", "answer_batch_size": 2}
    recipe |= {
        name: changed.pop(name) for name in ("dtype", "optimizer", "quantisation", "loss_chunks") if name in changed
    }
    show_estimates(model, method, settings={"device": "cpu", "new_tokens": 4, **changed}, recipe=recipe, **options)


def test_as_json_with_a_budget_and_a_picture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ask("lora,ia3", max_memory=["3MB", "1kB"], sequence_length=32, picture=tmp_path / "bars.html")
    lora, ia3 = json.loads(capsys.readouterr().out)["estimates"]
    assert (lora["method"], ia3["method"]) == ("lora", "ia3")
    assert sum(lora["train"]["by_kind"].values()) == lora["train"]["peak_bytes"]
    assert lora["trainable_parameters"] > ia3["trainable_parameters"] > 0
    enough, too_little = ia3["budgets"]
    assert enough["fits"] == (ia3["train"]["peak_bytes"] <= 3_000_000)
    assert enough["largest_batch_size"] >= 2
    assert (too_little["fits"], too_little["largest_batch_size"]) == (False, None)
    assert "lora" in (tmp_path / "bars.html").read_text()


def test_a_budget_that_is_too_small_is_told_what_needs_less(capsys: pytest.CaptureFixture[str]) -> None:
    ask(max_memory=["1kB"], sequence_length=32, as_json=False)
    assert (
        "What needs less: --gradient-checkpointing, --loss-chunks 8, --quantisation nf4, a smaller"
        in capsys.readouterr().out
    )
    ask(max_memory=["1GB"], sequence_length=32, as_json=False)
    assert "What needs less" not in capsys.readouterr().out


def test_a_card_has_its_workspaces_and_its_memory(capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    for gpu in (None, "H100", "L40S", "RTX 4090"):
        ask(device="cuda", gpu=gpu, sequence_length=32)
        (found[gpu],) = json.loads(capsys.readouterr().out)["estimates"]
    assert [one["gpu"] for one in found.values()] == [None, "h100", "l40s", "rtx4090"]
    reserved = [one["train"]["reserved_bytes"] for one in found.values()]
    assert reserved[0] == reserved[1]  # where no GPU is named, the largest workspaces are assumed
    # Two threads multiply while there is training. The smaller workspaces share a segment of 20 MiB.
    assert reserved[1] - reserved[2] == 2 * (32 << 20) - (20 << 20)
    assert found["L40S"]["budgets"][0]["budget_bytes"] == 46_068 << 20
    assert not found[None]["budgets"]
    generating = [found[gpu]["generate"]["reserved_bytes"] for gpu in ("H100", "L40S")]
    assert generating[0] - generating[1] == (32 << 20) - (20 << 20)  # one thread
    ask(device="cuda", gpu="a100", sequence_length=32, as_json=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "32 tokens, a100" in shown
    assert "Fits 85.9 GB" in shown.replace("┃ ", "")
    assert "the workspaces that cuBLAS takes on a100" in shown


def test_methods_that_train_in_float32_answer_in_the_format_of_the_base(capsys: pytest.CaptureFixture[str]) -> None:
    ask("ln-tuning,adaption-prompt,poly", dtype="bfloat16", device="cuda", sequence_length=32)
    found = json.loads(capsys.readouterr().out)
    assert not found["not_estimated"]
    assert all(one["generate"]["peak_bytes"] > 100_000 for one in found["estimates"])


def test_a_schedule_longer_than_any_recipe_changes_no_byte() -> None:
    schedule = {"total_step": 5000, "tinit": 200, "tfinal": 500}
    plain, published = estimate_memory(
        "toy:llama",
        ["adalora", MethodEntry(name="adalora", label="published", parameters=schedule)],
        sequence_length=32,
        device="cpu",
    )
    assert isinstance(plain, MemoryEstimate)
    assert isinstance(published, MemoryEstimate)
    assert published.train == plain.train


@pytest.mark.parametrize(("columns", "with_kinds"), [(80, False), (160, True)])
def test_a_narrow_terminal_gets_whole_words(columns: int, with_kinds: bool, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    from paretune.estimate import estimate_memory
    from paretune.report.estimates import estimates_summary

    found = estimate_memory("toy:llama", "adaption-prompt", sequence_length=32, device="cpu")
    Console(width=columns).print(estimates_summary(found))
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert "adaption-prompt" in shown
    assert ("Activations" in shown) == with_kinds


def test_shares_over_devices_set_the_budget(capsys: pytest.CaptureFixture[str]) -> None:
    ask("full", max_memory=["6MB"], sequence_length=64)
    ask("full", max_memory=["6MB"], sequence_length=64, num_devices=8)
    alone, shared = (json.loads(text + "}")["estimates"][0] for text in capsys.readouterr().out.split("\n}")[:2])
    assert shared["sharded"]["train"]["peak_bytes"] < alone["train"]["peak_bytes"]
    assert shared["budgets"][0]["largest_batch_size"] > alone["budgets"][0]["largest_batch_size"]


def test_offload_leaves_a_device_the_blocks_that_compute(tmp_path: Path) -> None:
    """Nothing of the optimizer's, and less of the base model than its slice and two blocks."""
    from paretune.estimate import estimate_memory
    from paretune.store.kept_estimates import keep_estimates, read_estimates

    sliced, offloaded = (
        estimate_memory("toy:llama", "full", sequence_length=64, num_devices=2, cpu_offload=on)[0]
        for on in (False, True)
    )
    assert isinstance(sliced, MemoryEstimate)
    assert isinstance(offloaded, MemoryEstimate)
    assert sliced.sharded is not None
    assert offloaded.sharded is not None
    before, after = sliced.sharded.train.by_kind, offloaded.sharded.train.by_kind
    assert after[MemoryKind.BASE_WEIGHTS] < before[MemoryKind.BASE_WEIGHTS]
    assert MemoryKind.OPTIMIZER_STATE in before
    assert MemoryKind.OPTIMIZER_STATE not in after
    assert "main memory" in offloaded.sharded.assumptions[-1]
    assert offloaded.sharded.words == "each of 2 devices with CPU offload"
    keep_estimates(tmp_path, [sliced])
    keep_estimates(tmp_path, [offloaded])
    assert len(read_estimates(tmp_path)) == 2


def test_offload_without_devices_is_refused() -> None:
    from paretune.estimate import estimate_memory

    with pytest.raises(InputError, match="cpu_offload belongs to sharded training"):
        estimate_memory("toy:llama", "lora", sequence_length=64, cpu_offload=True)


def test_gradient_checkpointing_needs_less_on_a_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    from paretune.estimate import estimate_memory

    plain, checkpointed = (
        estimate_memory("toy:llama", "lora", sequence_length=128, gradient_checkpointing=on)[0] for on in (False, True)
    )
    assert plain.train.peak_bytes > checkpointed.train.peak_bytes  # type: ignore[union-attr]
    del capsys


def rows(path: Path, *words: int) -> Path:
    """Write examples whose prompts have so many words each."""
    lines = [{"prompt": f"{index} " + "word " * count, "completion": "yes"} for index, count in enumerate(words)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "toy:llama in float32, batch of 2, 16 tokens, cpu"),
        ({"dtype": "bfloat16", "quantisation": "nf4"}, "toy:llama in bfloat16 with linear layers in nf4, batch of 2"),
        ({"dtype": "bfloat16", "quantisation": "4bit"}, "toy:llama in bfloat16 with linear layers in nf4, batch of 2"),
    ],
)
def test_the_heading_names_dtype_and_quantisation(
    changed: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(sequence_length=16, as_json=False, **changed)
    assert f"Estimated, not measured: {words}" in " ".join(capsys.readouterr().out.split())


def test_estimates_in_several_dtypes_are_kept_next_to_each_other(tmp_path: Path) -> None:
    for _ in range(2):
        ask(sequence_length=16, keep_in=tmp_path)
        ask(sequence_length=16, keep_in=tmp_path, dtype="bfloat16")
    assert [one.dtype for one in read_estimates(tmp_path)] == ["float32", "bfloat16"]
    file = tmp_path / ESTIMATES_FILE
    earlier = json.loads(file.read_text())
    for one in earlier["estimates"]:
        del one["dtype"], one["quantisation"], one["gradient_checkpointing"]
    file.write_text(json.dumps(earlier))
    assert estimate_line(read_estimates(tmp_path)[0]).endswith("to train toy:llama, batch of 2, 16 tokens, cpu.")


def test_the_longest_batch_of_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    short, long = rows(tmp_path / "short.jsonl", *range(1, 11)), rows(tmp_path / "long.jsonl", *range(1, 10), 40)
    found = []
    for path in (short, long):
        ask(data=path)
        (one,) = json.loads(capsys.readouterr().out)["estimates"]
        longest = json.loads(path.read_text().splitlines()[-1])
        tokens = toy_tokenizer()
        texts = (longest["prompt"], longest["completion"])
        assert one["sequence_length"] == sum(len(tokens(text)["input_ids"]) for text in texts) + 1  # the end of it
        assert one["batch_size"] == 2
        found.append(one)
    assert found[1]["train"]["peak_bytes"] > found[0]["train"]["peak_bytes"]


def test_a_file_of_nothing_but_longer_examples_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"long\.jsonl: .*max_length = 1024 leaves no training example"):
        ask(data=rows(tmp_path / "long.jsonl", *[3000] * 5))


NONSENSE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "longer than the model takes": ({"sequence_length": 5000}, ["sequence_length 5000", "1024 tokens"]),
    "target module that does not exist": ({"set_values": ['target_modules=["query"]']}, ["lora", "query"]),
    "unknown parameter": ({"set_values": ["rnk=8"]}, ["rnk"]),
    "parameter without a value": ({"set_values": ["r"]}, ["--set", "NAME=VALUE"]),
    "unknown method": ({"method": "lorra"}, ["lorra", 'did you mean "lora"']),
    "no method": ({"method": ","}, ["--method"]),
    "unknown format": ({"dtype": "int3"}, ["dtype"]),
    "unknown quantisation": ({"quantisation": "3bit"}, ["quantisation"]),
    "unknown card": ({"gpu": "h10", "device": "cuda"}, ["gpu", 'no GPU "h10"', 'did you mean "h100"', "l40s"]),
    "card of a processor": ({"gpu": "h100"}, ["h100", "cpu", "exclude each other"]),
    "length from two sources": ({"sequence_length": 8, "data": Path("x.jsonl")}, ["exclude each other"]),
    "memory without a unit": ({"max_memory": ["24"]}, ["--max-memory", "24GB"]),
    "picture of an unknown kind": ({"picture": Path("bars.gif")}, [".png or .html"]),
    "folder that is not there": ({"keep_in": Path("/nowhere/at/all")}, ["/nowhere/at/all", "no such folder"]),
    "model file that is not there": ({"model": "/nowhere/config.json"}, ["/nowhere/config.json", "no such file"]),
    "model that cannot be fetched": (
        {"model": "nobody/nothing"},
        ["nobody/nothing", "cannot be reached", "config.json"],
    ),
}


@pytest.mark.parametrize(("changed", "words"), NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_gets_one_line(changed: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as refusal:
        ask(**changed)
    text = str(refusal.value)
    assert "\n" not in text.strip()
    for word in words:
        assert word in text


@pytest.mark.parametrize("content", ["not json", "[1, 2]", '{"hidden_size": 3}', '{"model_type": "nonesuch"}'])
def test_a_config_that_is_none_ends_with_two_and_one_line(paretune: Paretune, tmp_path: Path, content: str) -> None:
    config = tmp_path / "config.json"
    config.write_text(content)
    done = paretune("estimate", "--model", config)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("paretune: ")
    assert "config.json" in line


def test_kept_estimates_stand_beside_measurements_and_never_among_them(paretune: Paretune, finished: Path) -> None:
    before = paretune("recommend", finished, "--max-memory", "1kB").stdout
    done = paretune(
        "estimate", "--model", "meta-llama/Llama-3.2-1B", "--method", "lora", "--sequence-length", "16", "--keep-in",
        finished,
    )  # fmt: skip
    try:
        assert done.returncode == 0, done.stderr
        (kept,) = read_estimates(finished)
        after = paretune("recommend", finished, "--max-memory", "1kB").stdout
        assert after.startswith(before)
        assert after.removeprefix(before).startswith("Estimated, not measured: lora would need")
        assert json.loads(paretune("recommend", finished, "--json").stdout)["estimates"][0]["method"] == "lora"
        page = finished / "with-estimates.html"
        paretune("page", finished, "-o", page)
        text = page.read_text()
        assert "Training memory: estimated, not measured" in text
        assert "meta-llama/Llama-3.2-1B in bfloat16, batch of 4, 16 tokens, cuda" in text
        assert str(kept.train.needed_bytes) not in text.partition('<section aria-labelledby="estimates-title">')[0]
    finally:
        (finished / ESTIMATES_FILE).unlink(missing_ok=True)
    paretune("page", finished, "-o", page)
    assert "not measured</h2>" not in page.read_text()


def test_damaged_estimates_are_named(tmp_path: Path) -> None:
    (tmp_path / ESTIMATES_FILE).write_text("{")
    with pytest.raises(InputError, match=r"estimates\.json: damaged"):
        read_estimates(tmp_path)


@pytest.mark.parametrize(("text", "num_bytes"), [("24GB", 24 * 10**9), ("1.5 GiB", 3 << 29), ("80gb", 80 * 10**9)])
def test_amounts_of_memory(text: str, num_bytes: int) -> None:
    assert parse_bytes(text) == num_bytes


def test_a_repeated_method_adds_one(paretune: Paretune) -> None:
    done = paretune(
        "estimate", "--model", "toy:llama", "--method", "lora", "--method", "oft", "--device", "cpu", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert "[1/2] lora" in done.stderr
    assert "[2/2] oft" in done.stderr


def test_a_model_that_writes_no_text_is_not_told_of_its_loss_in_chunks(capsys: pytest.CaptureFixture[str]) -> None:
    ask(model="toy:bert", max_memory=["1kB"], sequence_length=16, as_json=False)
    assert "What needs less: --gradient-checkpointing, --quantisation nf4, a smaller" in capsys.readouterr().out
    with pytest.raises(InputError, match="loss_chunks = 8 is for models that write text; leave it out"):
        ask(model="toy:bert", sequence_length=16, loss_chunks=8)
