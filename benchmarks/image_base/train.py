"""Train the small image model that comes with Paretune on drawings made by rule.

    OMP_NUM_THREADS=2 python -m benchmarks.image_base.train build/image_base

Flow matching on pixels: the network is shown `z = (1 - t) x + t n` and guesses the clean picture x; the loss is that of
the velocity `(z - x) / t` that follows from the guess. Weights are averaged over steps, and stored in float16.
"""

import argparse
import copy
import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import Flux2Transformer2DModel
from torch import Tensor

from benchmarks.image_base.captions import Caption, all_captions, drawn, held_out
from benchmarks.image_base.pen import SIZE_PIXELS
from paretune.engine.diffusion import LEAST_TIME
from paretune.models.codec import token_positions
from paretune.models.pixels import PATCH_PIXELS, to_patches
from paretune.models.word_vectors import MAX_WORDS, WIDTH, word_vectors

BATCH_SIZE = 64
PEAK_RATE = 2e-3
WARMUP_STEPS = 100
DECAY_FROM = 0.3
"""Share of the steps after which the rate falls."""
POSES_OF_A_CAPTION = 8
TEMPLATES = ("{colour} {kind} on {background}", "a {colour} {kind} on {background}", "a {kind} on {background}",
             "{kind} on {background}", "a {colour} {kind}", "")  # fmt: skip
TEMPLATE_WEIGHTS = (0.3, 0.3, 0.12, 0.08, 0.1, 0.1)
"""The empty caption teaches what a picture is without one, so that guidance has something to lead away from."""


def build_transformer() -> Any:
    """Return the untrained network: 2.1 million parameters."""
    return Flux2Transformer2DModel(
        patch_size=1,
        in_channels=192,
        num_layers=2,
        num_single_layers=4,
        attention_head_dim=32,
        num_attention_heads=4,
        joint_attention_dim=WIDTH,
        timestep_guidance_channels=128,
        mlp_ratio=3.0,
        axes_dims_rope=(4, 12, 12, 4),
        guidance_embeds=False,
    )


def drawings(captions: list[Caption]) -> Tensor:
    """Return uint8 of shape (captions, poses, tokens, channels)."""
    draw = random.Random("drawings of the image base")
    rows = [np.stack([np.asarray(drawn(caption, draw)) for _ in range(POSES_OF_A_CAPTION)]) for caption in captions]
    pictures = torch.from_numpy(np.stack(rows)).permute(0, 1, 4, 2, 3)
    patches = to_patches(pictures.flatten(0, 1))
    return patches.reshape(*pictures.shape[:2], *patches.shape[1:])


def caption_vectors(captions: list[Caption]) -> Tensor:
    """Return every caption in every template, shape (captions, templates, words, width)."""
    texts = [template.format(**caption._asdict()) for caption in captions for template in TEMPLATES]
    return word_vectors(texts).reshape(len(captions), len(TEMPLATES), MAX_WORDS, WIDTH)


def rate_factor(step: int, num_steps: int) -> float:
    """Return the factor on the peak rate: a linear rise, a plateau and a linear fall to 2%."""
    falling = (num_steps - step) / (num_steps * (1 - DECAY_FROM))
    return min((step + 1) / WARMUP_STEPS, max(0.02, min(1.0, falling)))


def flow_loss(model: Any, clean: Tensor, text: Tensor, positions: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the loss of the velocity, and the mean square error of the guessed picture."""
    t = torch.sigmoid(torch.randn(len(clean)) + 0.3).clamp(0.02, 0.995)
    share = t.view(-1, 1, 1)
    noisy = (1 - share) * clean + share * torch.randn_like(clean)
    guess = model(
        hidden_states=noisy, encoder_hidden_states=text, timestep=t, img_ids=positions[0], txt_ids=positions[1],
        return_dict=False,
    )[0]  # fmt: skip
    error = (guess - clean).square().flatten(1).mean(1)
    return (error / t.clamp(min=LEAST_TIME).square()).mean(), error.mean().detach()


def train(out: Path, num_steps: int, seed: int, begin_with: Path | None = None) -> None:
    """Train, and write the averaged weights and the log into `out` every 100 steps.

    `begin_with` is what an earlier call wrote: its weights are gone on with, and its log is kept in front of the new.
    """
    torch.manual_seed(seed)
    captions = [caption for caption in all_captions() if not held_out(caption)]
    pictures, texts = drawings(captions), caption_vectors(captions)
    text_positions = torch.zeros(MAX_WORDS, 4, dtype=torch.int64)
    text_positions[:, 3] = torch.arange(MAX_WORDS)
    positions = (token_positions(SIZE_PIXELS // PATCH_PIXELS), text_positions)
    model = build_transformer() if begin_with is None else _read(begin_with)
    model.train()
    averaged = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=0.0)
    weights = torch.tensor(TEMPLATE_WEIGHTS)
    runs: list[dict[str, Any]] = [] if begin_with is None else _runs(begin_with)
    log: list[dict[str, float]] = []
    about = {"steps": num_steps, "batch_size": BATCH_SIZE, "seed": seed, "torch": torch.__version__, "log": log}
    about |= {"peak_rate": PEAK_RATE, "warmup_steps": WARMUP_STEPS, "decay_from": DECAY_FROM}
    errors: list[float] = []
    began = time.monotonic()
    for step in range(num_steps):
        rows = torch.randint(len(captions), (BATCH_SIZE,))
        chosen = pictures[rows, torch.randint(POSES_OF_A_CAPTION, (BATCH_SIZE,))]
        text = texts[rows, torch.multinomial(weights, BATCH_SIZE, replacement=True)]
        loss, error = flow_loss(model, chosen.float() / 127.5 - 1, text, positions)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * rate_factor(step, num_steps)
        optimizer.step()
        optimizer.zero_grad()
        _average(averaged, model, min(0.999, (step + 1) / (step + 10)))
        errors.append(float(error))
        if (step + 1) % 100 == 0 or step + 1 == num_steps:
            seconds = time.monotonic() - began
            entry = {"step": step + 1, "picture_error": sum(errors) / len(errors), "seconds": round(seconds, 1)}
            log.append(entry)
            errors.clear()
            left = seconds / (step + 1) * (num_steps - step - 1)
            print(f"{entry}, {left / 60:.1f} minutes left", flush=True)
            _save(averaged, out, [*runs, about])


def _average(averaged: Any, model: Any, keep: float) -> None:
    with torch.no_grad():
        for mean, new in zip(averaged.parameters(), model.parameters(), strict=True):
            mean.lerp_(new, 1 - keep)


def _read(folder: Path) -> Any:
    return Flux2Transformer2DModel.from_pretrained(folder / "transformer", torch_dtype=torch.float32)


def _runs(folder: Path) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads((folder / "training_log.json").read_text(encoding="utf-8"))["runs"]
    return runs


def _save(averaged: Any, out: Path, runs: list[dict[str, Any]]) -> None:
    copy.deepcopy(averaged).half().save_pretrained(out / "transformer")
    (out / "training_log.json").write_text(json.dumps({"runs": runs}, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--begin-with", type=Path, help="a folder that an earlier call wrote, to go on from")
    options = parser.parse_args()
    train(options.out, options.steps, options.seed, options.begin_with)


if __name__ == "__main__":
    main()
