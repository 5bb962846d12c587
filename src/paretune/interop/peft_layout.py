"""What peft's method comparison (`method_comparison` in huggingface/peft) writes, as far as both directions need it.

Their result file has three parts. `run_info`: the experiment's name, settings and peft configuration. `train_info`:
values, and in `metrics` an entry for each evaluation during training and a last one for the test. `meta_info`:
versions and machine.
"""

from typing import Any, NamedTuple

SOURCE = "peft's method comparison"
MISSING_SIZE_BYTES = 99_999_999
"""What their script writes for a checkpoint that could not be saved."""
MISSING_RETENTION = 123
"""What their display fills in for a missing `forgetting` or `drift`."""
HOUSEKEEPING = (
    "task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode",
)  # fmt: skip
"""Keys of a peft configuration that say nothing about the method."""
MEMORY_KEYS = ("train_info.accelerator_memory_max", "train_info.cuda_memory_max")
"""The newest name first; results of June 2025 have the older one."""
UNSTATED = ("memory_answer_batch_size", "memory_steps", "temperature", "top_p", "loss_on", "data_order")
"""Recipe fields of which their files say nothing: at its default, one says nothing of an imported result either."""
DEVICE_KEYS = ("meta_info.system_info.accelerator", "meta_info.system_info.gpu")
OPTIMIZERS = {"AdamW": "adamw", "SGD": "sgd"}
"""Their names of the recipe's optimizers, and ours."""
OWN_OPTIMIZERS = {"lora-fa": "lora-fa", "lora+": "lora-plus", "riemannian": "lora-riemannian"}
"""Optimizers that make a method of their own: theirs, and what the method is called here."""
QUANTISED: dict[str, dict[str, Any]] = {
    "int4": {"quantisation": "fp4", "double_quantisation": False, "quantised_compute_dtype": "float32"},
    "int8": {"quantisation": "int8"},
}
"""Their `dtype` of a quantised base, and the recipe's fields: theirs are the library's defaults."""
IMAGE_SETTINGS = {
    "resolution": "pixels", "weighting_scheme": "weighting", "logit_mean": "logit_mean", "logit_std": "logit_deviation",
    "mode_scale": "mode_scale", "num_inference_steps": "sampling_steps", "guidance_scale": "guidance",
    "text_encoder_out_layers": "text_layers",
}  # fmt: skip
"""Their names of an image model's settings, and ours."""


class Benchmark(NamedTuple):
    """One of their tasks, and where its values belong."""

    folder: str
    """Their folder's name."""
    task: str
    """Our name for the task as they measure it."""
    signature: str
    """A key of `train_config` that no other of their tasks has."""
    length: str
    """Their name for the longest example, in `train_config`."""
    settings: tuple[str, ...]
    """Keys of `train_config` that describe the task and not the training."""
    quality: tuple[str, str]
    """Their name of the main metric in the last entry of `metrics`, and ours."""
    retention: tuple[str, str]
    """Likewise for what the base model could do before."""
    memory: str
    """The metric that their `accelerator_memory_max` is."""
    num_items: int | None
    """Questions in the test set, where the main metric is a share of them."""
    covers: dict[str, str]
    """What their readings cover, by our metric."""


_COVERS = {
    "checkpoint_bytes": "the file of weights alone; for full fine-tuning computed, not saved",
    "step_seconds": "mean over the steps that were timed; the batch's way to the device included",
}

MATHS = Benchmark(
    folder="MetaMathQA",
    task="peft-metamathqa",
    signature="query_template",
    length="max_seq_length",
    settings=("query_template", "generation_kwargs"),
    quality=("test accuracy", "accuracy"),
    retention=("forgetting", "forgetting"),
    memory="run_peak_reserved_bytes",
    num_items=1319,
    covers={
        **_COVERS,
        "accuracy": "answers judged by their own rule",
        "forgetting": "mean over all tokens of 100 Wikipedia texts cut at 768 tokens, not over texts",
        "run_peak_reserved_bytes": "training, validation and test generation in batches of batch_size_eval",
        "reported_train_seconds": "steps, data preparation, two passes over Wikipedia texts and the test's generation; "
        "validation is taken off",
    },
)
IMAGES = Benchmark(
    folder="image-gen",
    task="peft-image-gen",
    signature="dino_model_id",
    length="max_sequence_length",
    settings=(
        "dataset_id", "dataset_split", "resolution", "repeats", "instance_prompts", "image_column", "valid_size",
        "test_size", "num_inference_steps", "guidance_scale", "text_encoder_out_layers", "weighting_scheme",
        "logit_mean", "logit_std", "mode_scale", "dino_model_id", "dino_image_size", "sample_image_prompts",
        "drift_image_prompts",
    ),
    quality=("test dino_similarity", "similarity"),
    retention=("drift", "drift"),
    memory="train_peak_reserved_bytes",
    num_items=None,
    covers={
        **_COVERS,
        "similarity": "DINOv2 features of four captions with three pictures each",
        "train_peak_reserved_bytes": "training steps only; evaluation is left out",
        "reported_train_seconds": "steps, encoding of captions and pictures, and the test's generation; validation is "
        "taken off",
    },
)  # fmt: skip
BENCHMARKS = (MATHS, IMAGES)
