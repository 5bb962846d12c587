"""The model, the words and the judge that come with Paretune or out of a package."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from paretune.cli.evaluate import evaluate_checkpoint
from paretune.engine.diffusion import Captioned, flow_batch, flow_loss, sample
from paretune.execute.plan import plan
from paretune.execute.trial import run_trial
from paretune.kinds import module_names
from paretune.kinds.drawings import to_image, to_tensor
from paretune.models import load_image_model, load_model, makes_pictures
from paretune.models.codec import TextSettings
from paretune.models.efficientnet_lite import EfficientNetLite0, renamed
from paretune.models.image_encoder import load_image_encoder
from paretune.models.pixels import to_patches, to_pictures
from paretune.models.reference import parse, shipped_folder
from paretune.models.word_vectors import MAX_WORDS, WIDTH, word_vectors
from paretune.spec import ImageRecipe, InputError, Study
from paretune.tasks.thumbnails import small_webp
from tests.images.conftest import drawn
from tests.methods.real_path import Silent

SETTINGS = TextSettings(8, (1,))


def test_the_shipped_model_is_small_and_complete() -> None:
    folder = shipped_folder(parse("shipped:drawings"))
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 5_000_000
    assert (folder / "training_log.json").is_file()
    assert "Apache-2.0" in (folder / "README.md").read_text(encoding="utf-8")
    assert makes_pictures("shipped:drawings")
    assert "transformer_blocks.0.attn.to_q" in module_names("shipped:drawings")
    with pytest.raises(InputError, match="an image model; give the study a task with pictures"):
        load_model("shipped:drawings")


def test_words_have_the_same_vectors_everywhere_and_no_two_alike() -> None:
    vectors = word_vectors(["a Red apple", "red", "zib", ""])
    assert vectors.shape == (4, MAX_WORDS, WIDTH)
    assert torch.equal(vectors[0, 1], vectors[1, 0]), "the same word at another place, in another case"
    assert vectors[3].abs().sum() == 0
    assert torch.cosine_similarity(vectors[1, 0], vectors[2, 0], dim=0).abs() < 0.5
    assert vectors[1, 0, :3].tolist() == pytest.approx([-0.751015, -0.683356, -0.967524], abs=1e-5)


def test_pictures_survive_being_cut_into_patches() -> None:
    pictures = torch.randn(2, 3, 32, 32)
    assert torch.equal(to_pictures(to_patches(pictures), 32, 32), pictures)


def test_it_draws_what_the_caption_says() -> None:
    """Red on cream, blue on white: what a look at the middle and at a corner tells."""
    loaded, codec = load_image_model("shipped:drawings")
    text = codec.read_captions(["red apple on cream", "blue cat on white", ""], SETTINGS)
    noise = torch.randn(2, 16, 192, generator=torch.Generator().manual_seed(0))
    tokens = sample(loaded.model, noise, text[:2], text[2:], codec, ImageRecipe(sampling_steps=12), batch_size=2)
    apple, cat = codec.to_pictures(tokens, 32)
    middle = [picture[:, 14:22, 10:22].mean((1, 2)) for picture in (apple, cat)]
    assert middle[0][0] > middle[0][2] + 0.4, "more red than blue"
    assert middle[1][2] > middle[1][0] + 0.4, "more blue than red"
    assert apple[2, 0, 0] < cat[2, 0, 0] - 0.1, "cream is less blue than white"


def test_its_loss_is_that_of_the_velocity() -> None:
    """A model that guessed the clean picture right would have no loss; one that guesses grey has the velocity's."""
    _, codec = load_image_model("shipped:drawings")
    clean = torch.rand(2, 16, 192) * 2 - 1
    captioned = Captioned(clean, codec.read_captions(["a", "b"], SETTINGS), codec.positions(32))
    noise, time = torch.randn_like(clean), torch.tensor([0.5, 0.9])
    batch = flow_batch(captioned, torch.arange(2), noise, time, torch.ones(2), codec.prediction)
    torch.testing.assert_close(batch.velocity, noise - clean, rtol=1e-4, atol=1e-4)

    class Says(torch.nn.Module):
        def __init__(self, picture: torch.Tensor) -> None:
            super().__init__()
            self.picture = picture

        def forward(self, **_: Any) -> tuple[torch.Tensor]:
            return (self.picture,)

    objective = flow_loss(codec.prediction)
    assert objective(Says(clean), batch).item() == pytest.approx(0, abs=1e-3)
    expected = ((clean / time.view(-1, 1, 1)) ** 2).sum().item()
    assert objective(Says(torch.zeros_like(clean)), batch).item() == pytest.approx(expected, rel=1e-4)


def test_a_method_learns_the_creature(
    mini_options: dict[str, Any], tmp_path: Path, stand_in_judge: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rate that trains has less loss on the validation picture than one that changes nothing.

    What is saved is evaluated again from the command line.
    """
    study = Study.read(
        {
            "name": "x",
            "base_model": "shipped:drawings",
            "tasks": [{"name": "image_concept", "options": mini_options}],
            "methods": [{"name": "lora"}],
            "learning_rates": [1e-12, 2e-3],
            "recipe": {"steps": 16, "batch_size": 8, "schedule": "constant", "image": {"sampling_steps": 4}},
        },
        "the test",
    )
    idle, trained = plan(study)
    assert trained.recipe.image is not None
    before, *_ = run_trial(
        idle.model_copy(update={"measures": ()}), tmp_path / "idle", attempt=1, concurrent_workers=1, listener=Silent()
    )
    record, _, pictures = run_trial(trained, tmp_path / "x", attempt=1, concurrent_workers=1, listener=Silent())
    assert record.outcome.kind == "ok", record.outcome
    assert record.metrics["validation_loss"] < before.metrics["validation_loss"] - 0.02
    assert record.metrics["drift"] > 0
    assert sum(one.kind == "train" for one in pictures) == 15
    assert max(len(one.data) for one in pictures) < 4000
    evaluate_checkpoint(tmp_path / "x", None, None, None, forgetting=True, as_json=False)
    title, similarity, drift, *_ = capsys.readouterr().out.splitlines()
    assert title.endswith("on image_concept, 2 images")
    assert similarity.split()[:2] == ["similarity", f"{record.metrics['similarity']:.3f}"]
    assert drift.split()[:2] == ["drift", f"{record.metrics['drift']:+.4f}"]


def test_efficientnet_takes_the_published_names() -> None:
    """Every published name has its place; published files hold a classifier besides."""
    network = EfficientNetLite0()
    ours = {"stem": "_conv_stem", "head": "_conv_head"}
    published = {}
    parts = {
        "expand": ("_expand_conv", "_bn0"),
        "mix": ("_depthwise_conv", "_bn1"),
        "project": ("_project_conv", "_bn2"),
    }
    for name, tensor in network.state_dict().items():
        first, *rest = name.split(".")
        if first == "blocks":
            convolution, normalisation = parts[rest[1]]
            theirs = f"_blocks.{rest[0]}.{convolution if rest[2] == 'convolution' else normalisation}.{rest[3]}"
        else:
            norm = "_bn0" if first == "stem" else "_bn1"
            theirs = f"{ours[first] if rest[0] == 'convolution' else norm}.{rest[1]}"
        published[theirs] = tensor
    published["_fc.weight"] = torch.zeros(1000, 1280)
    assert renamed(published).keys() == network.state_dict().keys()
    features = network.eval()(torch.zeros(1, 3, 224, 224))
    assert features.shape == (1, 1280)


def test_a_folder_that_is_no_dino(klein: Path) -> None:
    with pytest.raises(InputError, match="not a DINOv2"):
        load_image_encoder(f"path:{klein / 'text_encoder'}")


def test_kept_pictures_are_small_and_exact_where_they_are_small_themselves() -> None:
    import io

    tiny = drawn(1).resize((32, 32))
    with Image.open(io.BytesIO(small_webp(tiny))) as kept:
        assert kept.convert("RGB").tobytes() == tiny.tobytes()
    with Image.open(io.BytesIO(small_webp(drawn(1).resize((512, 400))))) as kept:
        assert kept.size == (192, 150)
    assert to_image(to_tensor(tiny, 32)).tobytes() == tiny.tobytes()
