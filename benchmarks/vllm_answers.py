"""Lets vLLM answer with a base model and with adapters, one after another. Runs where vLLM is; needs nothing else.

    VLLM_PYTHON benchmarks/vllm_answers.py REQUEST.json ANSWERS.json

The request has `base` (a folder), `prompts` (lists of token ids), `length`, `ends` (token ids that end an answer, none
for answers of that length), `rank` (the largest of the adapters) and `adapters` (names and folders). For the base
model, called "", and each adapter the answers hold `tokens`, a list for each prompt, and `logprobs` of these tokens, or
`error` where vLLM refused the adapter.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # an adapter that is refused ends in an exception here
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")


def main(request: Path, answers: Path) -> None:
    """Answer, and write the file anew after every adapter: an engine that dies leaves what there was."""
    from vllm import LLM, SamplingParams, __version__  # type: ignore[import-not-found]
    from vllm.lora.request import LoRARequest  # type: ignore[import-not-found]

    asked: dict[str, Any] = json.loads(request.read_text())
    longest = max(map(len, asked["prompts"])) + asked["length"]
    model = LLM(
        model=asked["base"], dtype="float32", enforce_eager=True, enable_lora=True, max_lora_rank=asked["rank"],
        max_model_len=longest, max_num_seqs=64, skip_tokenizer_init=True, disable_log_stats=True,
    )  # fmt: skip
    ends = asked["ends"]
    sampling = SamplingParams(
        temperature=0, max_tokens=asked["length"], logprobs=0, detokenize=False, ignore_eos=not ends,
        stop_token_ids=ends or None,
    )  # fmt: skip
    prompts: Any = [{"prompt_token_ids": prompt} for prompt in asked["prompts"]]
    found: dict[str, Any] = {"version": __version__, "answers": {}}
    for number, (name, folder) in enumerate({"": None, **asked["adapters"]}.items()):
        wanted = None if folder is None else LoRARequest(name, number, folder)
        try:
            if wanted is not None:
                model.llm_engine.add_lora(wanted)  # a refusal while answering would leave its questions in the engine
            outputs = [one.outputs[0] for one in model.generate(prompts, sampling, lora_request=wanted, use_tqdm=False)]
        except Exception as error:  # whatever vLLM says is what is looked for
            found["answers"][name] = {"error": f"{type(error).__name__}: {error}"}
        else:
            found["answers"][name] = {
                "tokens": [list(one.token_ids) for one in outputs],
                "logprobs": [
                    [step[token].logprob for step, token in zip(one.logprobs or [], one.token_ids, strict=True)]
                    for one in outputs
                ],
            }
        answers.write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
