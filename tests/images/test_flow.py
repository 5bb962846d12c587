"""The loss and the sampler against plain computations with diffusers' own pipeline and scheduler."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import Flux2KleinPipeline
from torch import Tensor

from paretune.engine.diffusion import Captioned, FlowBatches, flow_batch, flow_checks, flow_loss, sample
from paretune.models import load_image_model
from paretune.models.checkpointing import checkpoint_gradients
from paretune.models.codec import Codec, TextSettings
from paretune.spec import ImageRecipe

SETTINGS = TextSettings(24, (10, 20, 30))
SIDE = 64
CAPTIONS = ["a photo of sks cat", "sks cat on a sofa"]


@pytest.fixture(scope="module")
def pipeline(klein: Path) -> Any:
    pipeline = Flux2KleinPipeline.from_pretrained(str(klein))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def base(klein: Path) -> tuple[Any, Codec]:
    loaded, codec = load_image_model(f"path:{klein}")
    return loaded.model, codec


def pictures() -> Tensor:
    return torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3)) * 2 - 1


def plain_latents(pipeline: Any) -> Tensor:
    """Latents as diffusers' training example for this pipeline makes them."""
    with torch.no_grad():
        latents = pipeline._patchify_latents(pipeline.vae.encode(pictures()).latent_dist.mode())
    mean = pipeline.vae.bn.running_mean.view(1, -1, 1, 1)
    deviation = torch.sqrt(pipeline.vae.bn.running_var.view(1, -1, 1, 1) + pipeline.vae.config.batch_norm_eps)
    found: Tensor = (latents - mean) / deviation
    return found


def test_captions_and_pictures_become_the_tokens_that_the_pipeline_makes(
    pipeline: Any, base: tuple[Any, Codec]
) -> None:
    _, codec = base
    expected, places = pipeline.encode_prompt(CAPTIONS, max_sequence_length=24, text_encoder_out_layers=(10, 20, 30))
    torch.testing.assert_close(codec.read_captions(CAPTIONS, SETTINGS), expected.detach())
    latents = plain_latents(pipeline)
    torch.testing.assert_close(codec.to_tokens(pictures()), pipeline._pack_latents(latents))
    assert torch.equal(codec.positions(SIDE), pipeline._prepare_latent_ids(latents)[0])
    assert places.shape == (2, 24, 4)


@pytest.mark.parametrize("weighting", ["none", "sigma_sqrt"])
def test_the_loss_of_a_step_is_the_plain_one(pipeline: Any, base: tuple[Any, Codec], weighting: Any) -> None:
    from diffusers.training_utils import compute_loss_weighting_for_sd3

    model, codec = base
    latents = plain_latents(pipeline)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(5))
    indices = torch.tensor([120, 730])
    times, sigmas = pipeline.scheduler.timesteps[indices], pipeline.scheduler.sigmas[indices].view(-1, 1, 1, 1)
    text, places = pipeline.encode_prompt(CAPTIONS, max_sequence_length=24, text_encoder_out_layers=(10, 20, 30))
    noisy = (1 - sigmas) * latents + sigmas * noise
    with torch.no_grad():
        said = pipeline.transformer(
            hidden_states=pipeline._pack_latents(noisy),
            timestep=times / 1000,
            guidance=None,
            encoder_hidden_states=text,
            txt_ids=places,
            img_ids=pipeline._prepare_latent_ids(latents),
            return_dict=False,
        )[0]
        said = pipeline._unpack_latents_with_ids(said, pipeline._prepare_latent_ids(latents))
        weights = compute_loss_weighting_for_sd3(weighting, sigmas=sigmas)
        expected = (weights * (said - (noise - latents)) ** 2).reshape(2, -1).mean(1).mean()

        captioned = Captioned(
            codec.to_tokens(pictures()), codec.read_captions(CAPTIONS, SETTINGS), codec.positions(SIDE)
        )
        time = codec.training_times()[indices]
        weight = compute_loss_weighting_for_sd3(weighting, sigmas=time)
        batch = flow_batch(
            captioned, torch.arange(2), pipeline._pack_latents(noise), time, weight, codec.prediction
        )  # fmt: skip
        loss = flow_loss(codec.prediction)(model, batch) / batch.num_terms
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    assert loss > 0.1


@pytest.mark.parametrize("guidance", [1.0, 3.5])
def test_the_pictures_of_a_sampling_run_are_the_pipelines(
    pipeline: Any, base: tuple[Any, Codec], guidance: float
) -> None:  # fmt: skip
    model, codec = base
    noise = torch.randn(2, 16, 4, 4, generator=torch.Generator().manual_seed(7))
    text = codec.read_captions([*CAPTIONS, ""], SETTINGS)
    with torch.no_grad():
        expected = pipeline(
            prompt_embeds=text[:2], negative_prompt_embeds=text[2:].expand(2, -1, -1), num_inference_steps=6,
            guidance_scale=guidance, height=SIDE, width=SIDE, latents=noise, output_type="pt",
        ).images  # fmt: skip
    recipe = ImageRecipe(pixels=SIDE, sampling_steps=6, guidance=guidance)
    tokens = sample(model, pipeline._pack_latents(noise), text[:2], text[2:], codec, recipe, batch_size=2)
    found = codec.to_pictures(tokens, SIDE) / 2 + 0.5
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert found.std() > 0.05


def test_no_picture_depends_on_those_drawn_with_it(base: tuple[Any, Codec]) -> None:
    model, codec = base
    noise = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(7))
    text = codec.read_captions([*CAPTIONS, "", ""], SETTINGS)
    recipe = ImageRecipe(pixels=SIDE, sampling_steps=3, guidance=2.0)
    seen: list[tuple[int, int]] = []
    together = sample(
        model, noise, text[:3], text[3:], codec, recipe, batch_size=3, on_progress=lambda *so_far: seen.append(so_far)
    )
    alone = sample(model, noise, text[:3], text[3:], codec, recipe, batch_size=1)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert seen == [(3, 3)]


def test_batches_begin_again_with_the_same_draws_and_show_every_picture(base: tuple[Any, Codec]) -> None:
    _, codec = base
    captioned = Captioned(torch.randn(3, 16, 16), torch.randn(3, 24, 48), codec.positions(SIDE))
    batches = FlowBatches(captioned, codec, ImageRecipe(pixels=SIDE, weighting="logit_normal"), 2, seed=1)
    first, again = iter(batches), iter(batches)
    rows = [next(first) for _ in range(3)]
    for batch in rows:
        for one, other in zip(batch, next(again), strict=True):
            assert torch.equal(one, other)
    texts = torch.cat([batch.text for batch in rows])[:3]
    assert {round(float(text.sum()), 3) for text in texts} == {round(float(text.sum()), 3) for text in captioned.text}
    other_seed = next(iter(FlowBatches(captioned, codec, ImageRecipe(pixels=SIDE), 2, seed=2)))
    assert not torch.equal(other_seed.noisy, rows[0].noisy)


def test_the_validation_loss_reads_every_picture_at_spread_shares_of_noise(base: tuple[Any, Codec]) -> None:
    _, codec = base
    captioned = Captioned(torch.randn(3, 16, 16), torch.randn(3, 24, 48), codec.positions(SIDE))
    times = torch.cat([batch.time for batch in flow_checks(captioned, codec, 5)])
    assert len(times) == 24
    assert sorted(times[:8].tolist()) == sorted(times[8:16].tolist())
    assert times[:8].min() < 0.1
    assert times[:8].max() > 0.9


def test_a_step_with_checkpointed_activations_has_the_same_gradients(klein: Path) -> None:
    gradients = []
    for checkpointed in (False, True):
        loaded, codec = load_image_model(f"path:{klein}")
        model = loaded.model.train()
        if checkpointed:
            checkpoint_gradients(model)
            assert model.is_gradient_checkpointing
        captioned = Captioned(
            torch.randn(2, 16, 16, generator=torch.Generator().manual_seed(1)),
            codec.read_captions(CAPTIONS, SETTINGS),
            codec.positions(SIDE),
        )
        batch = next(iter(FlowBatches(captioned, codec, ImageRecipe(pixels=SIDE), 2, seed=1)))
        flow_loss(codec.prediction)(model, batch).backward()  # type: ignore[no-untyped-call]
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    torch.testing.assert_close(gradients[0], gradients[1])
