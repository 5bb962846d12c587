"""Memory of image-text models is predicted from a configuration with its processor: as much as is counted for real."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.memory_counted import compare_method, settings_for
from paretune.cli.estimate import show_estimates
from paretune.estimate import EstimateSettings, estimate_memory
from paretune.estimate.lengths import longest_batch
from paretune.execute.check import check_trials
from paretune.execute.device_memory import CONTEXT_BYTES, predicted_bytes
from paretune.methods import resolve
from paretune.models import find_shape, processor_of
from paretune.spec import MethodEntry, Recipe, Trial
from paretune.spec.memory import MemoryEstimate
from paretune.tasks import get_any_task
from paretune.testing.refusal import refusal

pytestmark = pytest.mark.filterwarnings("ignore")

TOLERANCE = 0.01
PAIRS = [
    *((toy, method) for toy in ("llava", "qwen", "idefics", "paligemma", "gemma3") for method in ("lora", "full")),
    ("llava", "oft"), ("paligemma", "ia3"), ("qwen", "prefix-tuning"),
]  # fmt: skip
SMOLVLM = "HuggingFaceTB/SmolVLM-256M-Instruct"


def entry(name: str, **parameters: Any) -> MethodEntry:
    return MethodEntry(name=name, parameters=parameters)


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_predicted_is_counted(toy: Callable[[str], str], name: str, method: str) -> None:
    found = compare_method(find_shape(toy(name)), resolve(entry(method)), settings_for(48), runs=1)
    assert abs(found.error) <= TOLERANCE


def test_the_parts_that_are_trained_count(toy: Callable[[str], str]) -> None:
    shape, settings = find_shape(toy("qwen")), settings_for(48)
    specs = [resolve(entry("lora", targets=targets)) for targets in ("vision", "language+vision+projector")]
    found = [compare_method(shape, spec, settings, runs=1) for spec in specs]
    assert all(abs(one.error) <= TOLERANCE for one in found)
    assert found[0].predicted_bytes != found[1].predicted_bytes


def test_a_quantised_base_is_predicted_as_it_is_counted(toy: Callable[[str], str]) -> None:
    pytest.importorskip("bitsandbytes")
    spec = resolve(entry("lora"))
    found = compare_method(find_shape(toy("llava")), spec, settings_for(48, "nf4"), runs=1)
    assert abs(found.error) <= TOLERANCE


def without_weights(reference: str, folder: Path) -> str:
    shutil.copytree(reference.removeprefix("path:"), folder, ignore=shutil.ignore_patterns("*.safetensors"))
    return f"path:{folder}"


def test_a_folder_without_weights_is_enough(
    toy: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = without_weights(toy("llava"), tmp_path / "config")
    nothing: dict[str, Any] = {"set_values": [], "max_memory": [], "picture": None, "keep_in": None}
    settings = {"device": "cpu", "new_tokens": 4, "sequence_length": 40}
    show_estimates(model, "lora", settings=settings, recipe={"batch_size": 2}, as_json=True, **nothing)
    (found,) = map(MemoryEstimate.model_validate, json.loads(capsys.readouterr().out)["estimates"])
    assert found.sequence_length == 40
    assert found.generate is not None
    assert "every example has one picture" in " ".join(found.assumptions)


def test_a_larger_image_is_more_tokens_where_the_processor_says_so(toy: Callable[[str], str]) -> None:
    def tokens(model: str, resolution: int) -> int:
        return sum(longest_batch(find_shape(model), EstimateSettings(resolution=resolution)).lengths[0])

    small, large = (tokens(toy("qwen"), resolution) for resolution in (16, 64))
    assert large == small + 15  # 4 x 4 tokens of 16 x 16 pixels each, in place of one
    assert tokens(toy("llava"), 16) == tokens(toy("llava"), 64)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sequence_length": 8}, "sequence_length 8: to the model"),
        ({"sequence_length": 4096}, "is more than the model"),
        ({"data": "rows.jsonl"}, "reads pictures; give a sequence length"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(
    toy: Callable[[str], str], settings: dict[str, Any], said: str
) -> None:
    assert said in refusal(lambda: estimate_memory(toy("llava"), "lora", **settings))


def test_a_configuration_without_its_processor_is_refused(toy: Callable[[str], str], tmp_path: Path) -> None:
    config = Path(toy("llava").removeprefix("path:")) / "config.json"
    shutil.copy(config, tmp_path)
    for model in (str(tmp_path), str(tmp_path / "config.json")):
        assert "no processor (processor_config.json or" in refusal(partial(estimate_memory, model))
    (tmp_path / "processor_config.json").write_text("{}")
    assert "cannot be read" in refusal(lambda: estimate_memory(str(tmp_path)))


def test_the_processor_is_fetched_where_only_the_configuration_was(
    toy: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, asked = Path(toy("llava").removeprefix("path:")), list[tuple[Any, ...]]()

    def fetched(reference: Any, *, weights: bool) -> Path:
        asked.append((reference.name, reference.version, weights))
        return folder

    monkeypatch.setattr("paretune.models.processor.hub_folder", fetched)
    shape = find_shape(str(folder))._replace(name="owner/model", source="the hub", folder=None)
    assert processor_of(shape).picture_token == "<image>"
    assert asked == [("owner/model", "main", False)]


def test_a_bundled_config_has_its_processor() -> None:
    shape = find_shape(SMOLVLM)
    settings = EstimateSettings()
    (found,) = estimate_memory(SMOLVLM, "base", batch_size=1, answer_batch_size=2, new_tokens=2)
    assert isinstance(found, MemoryEstimate), found
    assert found.total_parameters == 256_484_928
    processor = processor_of(shape)
    ids = processor.processor(images=[_picture(settings.resolution)], text=["<image>"])["input_ids"][0]
    assert ids.count(shape.config["image_token_id"]) == 17 * 64  # sixteen tiles and the whole


def _picture(side: int) -> Any:
    from PIL import Image

    return Image.new("RGB", (side, side))


def trial_of(reference: str, **parameters: Any) -> Trial:
    sizes = {"train_size": 8, "validation_size": 2, "test_size": 2}
    return Trial(
        base_model=reference,
        task=get_any_task("visual_questions", sizes).spec(),
        method=resolve(entry("lora", **parameters)),
        learning_rate=1e-2,
        seed=0,
        recipe=Recipe(steps=2, batch_size=2),
    )


def test_a_trial_s_own_images_are_predicted(toy: Callable[[str], str]) -> None:
    assert CONTEXT_BYTES < predicted_bytes(trial_of(toy("qwen"))) < CONTEXT_BYTES + 10**8


def test_a_batch_goes_through_the_model_while_planning(
    toy: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from paretune.kinds.image_text import ImageText

    seen: list[int] = []
    whole = ImageText.workload

    def noted(self: ImageText, config: Any, size: Any) -> Any:
        seen.append(size.shown.num_question_tokens)
        return whole(self, config, size)

    monkeypatch.setattr(ImageText, "workload", noted)
    check_trials([trial_of(toy("llava"), targets="vision")])
    assert seen
