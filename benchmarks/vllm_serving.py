"""Does vLLM answer as Paretune does? A real base model and its LoRA adapters, greedily, in float32.

    python -m benchmarks.vllm_serving CHECKPOINT [CHECKPOINT ...] --vllm-python .../bin/python [--questions 64]

Each checkpoint is one of Paretune's, of a method that vLLM takes as it is, all on one base model. Printed are, for the
base model and each adapter, how many answers are the same token by token, and where the others part: the two largest
logits there, as this process computes them. For vLLM without a GPU see `benchmarks.vllm_loads`.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from benchmarks.serving import print_compared, until_the_end
from benchmarks.vllm_loads import ask_vllm
from paretune.audit.serving import broken_rule_of_vllm, max_lora_rank
from paretune.engine.answering import answering
from paretune.engine.encoding import encode_questions
from paretune.methods import build
from paretune.methods.plain_lora import saved_config
from paretune.models import load_model
from paretune.models.load import model_folder
from paretune.models.reference import parse
from paretune.spec import Trial
from paretune.tasks import get_any_task


def main() -> None:
    """Let both answer, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--vllm-python", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=64)
    given = parser.parse_args()
    trials = [Trial.read(json.loads((one / "trial.json").read_text()), str(one)) for one in given.checkpoints]
    first, ranks = trials[0], []
    for checkpoint in given.checkpoints:
        config = saved_config(checkpoint) or {"peft_type": "none"}
        if rule := broken_rule_of_vllm(config, checkpoint):
            raise SystemExit(f"{checkpoint}: {rule}")
        ranks.append(max_lora_rank(config))
    loaded = load_model(first.base_model)
    task: Any = get_any_task(first.task.name, first.task.options)
    prompts = encode_questions(task, task.examples("test")[: given.questions], loaded.tokenizer, 0)
    length, _, end_ids = answering(task, loaded.tokenizer)
    ends = [loaded.tokenizer.eos_token_id, *end_ids]
    asked = {
        "base": str(model_folder(parse(first.base_model))),
        "prompts": prompts,
        "length": length,
        "ends": ends,
        "rank": max(ranks),
        "adapters": {str(one): str(one.absolute()) for one in given.checkpoints},
    }
    with TemporaryDirectory() as folder:
        answered = ask_vllm(given.vllm_python, asked, Path(folder))
    compare("", loaded.model.eval(), answered, asked)
    for checkpoint, trial in zip(given.checkpoints, trials, strict=True):
        model = build(trial.method).load(load_model(trial.base_model).model, checkpoint)
        compare(str(checkpoint), model, answered, asked)


def compare(name: str, model: nn.Module, answered: dict[str, Any], asked: dict[str, Any]) -> None:
    """Print how many answers of a model are the same as vLLM's, and where the others part."""
    given = answered[name]
    if "error" in given:
        print(f"{name}: {given['error']}")
        return
    theirs = [until_the_end(tokens, asked["ends"]) for tokens in given["tokens"]]
    print_compared(name or "base model", model, theirs, asked)


if __name__ == "__main__":
    main()
