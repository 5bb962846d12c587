"""Base models whose linear layers are quantised: as a study asks for, or as their own `config.json` says."""

import importlib.util
import logging
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

from paretune.models.hardware import check_package, default_device
from paretune.models.progress import without_bars, without_remarks
from paretune.spec import InputError
from paretune.spec.quantisation import BY_TORCHAO, FOUR_BITS, Quantisation, QuantisedFormat

QUANTISATION_KEY = "quantization_config"
"""Where a `config.json` says how a model's weights are quantised."""
_REQUIREMENT = "bitsandbytes>=0.50"
_FIRST_ON_PROCESSORS = (0, 50)
"""The version of bitsandbytes from which quantised layers were tried here without a GPU."""
_REQUIREMENT_OF_TORCHAO = "torchao>=0.18"
_FIRST_OF_TORCHAO = (0, 18)
"""The version of torchao that was tried here: earlier ones hold int8 weights in other tensors."""
_PACKAGES = {
    "bitsandbytes": (("bitsandbytes", _REQUIREMENT),),
    "gptq": (("gptqmodel", "gptqmodel>=7.0"), ("optimum", "optimum>=2.0")),
    "awq": (("gptqmodel", "gptqmodel>=7.0"),),
    "compressed-tensors": (("compressed_tensors", "compressed-tensors>=0.15"),),
    "torchao": (("torchao", _REQUIREMENT_OF_TORCHAO),),
    "hqq": (("hqq", "hqq"),),
    "auto-round": (("auto_round", "auto-round"),),
    "quanto": (("optimum.quanto", "optimum-quanto"),),
}
"""What transformers needs to load weights of a `quant_method`: modules, and what to install for each."""
_TRAINS = "auto_trainable"
"""gptqmodel's name for its kernels that train: the fastest one without gradients is its default."""

_UNPACKED = ("compressed-tensors",)
"""Methods whose layers have no weight before the first forward pass, which peft then does not find: they are unpacked
while they are loaded."""


class OwnQuantisation(NamedTuple):
    """How a model is quantised already, by its own configuration."""

    method: str
    """transformers' name, such as "gptq"; "bitsandbytes" for any of its formats."""
    quantisation: Quantisation | None
    """The format where it is one that a study can ask for; None for others."""
    left: tuple[str, ...] | None = None
    """Names or patterns of the layers that stay as they are; None for the output layer."""

    @property
    def words(self) -> str:
        """The format where it is known, the method where it is not."""
        return self.quantisation.format if self.quantisation else self.method

    @property
    def is_unpacked(self) -> bool:
        """Whether loading turns the weights into plain ones: the model is not quantised then."""
        return self.method in _UNPACKED


def own_quantisation(config: Mapping[str, Any]) -> OwnQuantisation | None:
    """Return how a model is quantised already, by its configuration; None where that does not say."""
    own = config.get(QUANTISATION_KEY)
    if own is None:
        return None
    values = own if isinstance(own, Mapping) else {}
    in_4_bits, in_8_bits = (values.get(name) is True for name in ("load_in_4bit", "load_in_8bit"))
    method = str(values.get("quant_method", "bitsandbytes" if in_4_bits or in_8_bits else "no quant_method"))
    if method == "torchao":
        return _own_of_torchao(values)
    if not method.startswith("bitsandbytes"):
        return OwnQuantisation(method, None)
    left = values.get("llm_int8_skip_modules")
    names = None if left is None else tuple(map(str, left))
    if in_4_bits == in_8_bits:
        return OwnQuantisation("bitsandbytes", None, names)
    if in_8_bits:
        return OwnQuantisation("bitsandbytes", Quantisation("int8"), names)
    form: QuantisedFormat = "nf4" if values.get("bnb_4bit_quant_type", "fp4") == "nf4" else "fp4"
    computed = str(values.get("bnb_4bit_compute_dtype", "float32"))
    double = values.get("bnb_4bit_use_double_quant") is True
    return OwnQuantisation("bitsandbytes", Quantisation(form, double, computed), names)


def _own_of_torchao(values: Mapping[str, Any]) -> OwnQuantisation:
    """Return the format of a configuration of torchao, where it is int8 with a scale a row as a study asks for it."""
    whole: Any = values.get("quant_type")
    kind: Any = whole.get("default") if isinstance(whole, Mapping) else None
    data: Any = kind.get("_data") if isinstance(kind, Mapping) else None
    granularity: Any = data.get("granularity") if isinstance(data, Mapping) else None
    is_int8 = isinstance(granularity, Mapping) and (
        (kind.get("_type"), granularity.get("_type"), granularity.get("_data"))
        == ("Int8WeightOnlyConfig", "PerRow", {"dim": -1})
    )
    if not is_int8 or values.get("include_input_output_embeddings"):
        return OwnQuantisation("torchao", None)
    left = values.get("modules_to_not_convert")
    return OwnQuantisation("torchao", Quantisation("int8-torchao"), None if left is None else tuple(map(str, left)))


def check_quantised(wanted: Quantisation | None, config: Mapping[str, Any], reference: str) -> None:
    """Raise `InputError` unless a base model can be quantised as asked for, and held as it is quantised already.

    `config` is the base model's own. Looks at packages and the device, reads no weights.
    """
    own = own_quantisation(config)
    if wanted is not None:
        setting = f'recipe: quantisation = "{wanted.format}"'
        if own is not None:
            raise InputError(f'{setting}: base model "{reference}" is quantised already ({own.words}); leave it out')
        _check_torchao(setting) if wanted.format in BY_TORCHAO else _check_bitsandbytes(setting)
    elif own is not None:
        where = f'base model "{reference}": its config.json says it is quantised by "{own.method}", which'
        if own.method == "bitsandbytes":
            _check_bitsandbytes(where)
            return
        if own.method == "torchao":
            _check_torchao(where)
            return
        if own.method not in _PACKAGES:
            raise InputError(f"{where} is not known here; name the model that was quantised")
        for module, requirement in _PACKAGES[own.method]:
            if not _is_there(module):
                raise InputError(
                    f'{where} needs {requirement}; install it with: pip install "{requirement}", or name the model '
                    "that was quantised"
                )


def loading_settings(
    wanted: Quantisation | None, own: OwnQuantisation | None, left: tuple[str, ...] = ()
) -> dict[str, Any]:  # fmt: skip
    """Return the arguments of `from_pretrained` for quantised linear layers; none where they are not.

    `left` are the modules to leave as they are; by default the output layer. The model lands on the device where it is
    trained.
    """
    if wanted is None:
        if own is not None and own.is_unpacked:
            from transformers import CompressedTensorsConfig

            return {"quantization_config": CompressedTensorsConfig(dequantize=True)}
        return {} if own is None else {"device_map": {"": default_device()}, **_settings_of(own)}
    config = _torchao_config(left) if wanted.format in BY_TORCHAO else _bitsandbytes_config(wanted, left)
    return {"quantization_config": config, "device_map": {"": default_device()}}


def _settings_of(own: OwnQuantisation) -> dict[str, Any]:
    """Return what else is asked for where a model comes quantised: GPTQ's and AWQ's kernels that train.

    What the model's configuration says of the weights stays; only the choice of a kernel is taken from here.
    """
    if own.method == "bitsandbytes":
        _mend_bitsandbytes()
    if own.method == "gptq":
        from transformers import GPTQConfig

        return {"quantization_config": GPTQConfig(bits=4, backend=_TRAINS)}
    if own.method == "awq":
        from transformers import AwqConfig

        return {"quantization_config": AwqConfig(backend=_TRAINS)}
    return {}


def _torchao_config(left: tuple[str, ...]) -> Any:
    from torchao.quantization import Int8WeightOnlyConfig
    from transformers import TorchAoConfig

    # Its recommended settings of the compiler are those of the whole process, and let float32 products be rounded.
    return TorchAoConfig(Int8WeightOnlyConfig(set_inductor_config=False), modules_to_not_convert=list(left) or None)


def _bitsandbytes_config(wanted: Quantisation, left: tuple[str, ...]) -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    _mend_bitsandbytes()
    skipped = {"llm_int8_skip_modules": list(left)} if left else {}
    if wanted.format not in FOUR_BITS:
        return BitsAndBytesConfig(load_in_8bit=True, **skipped)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=wanted.format,
        bnb_4bit_use_double_quant=wanted.double,
        bnb_4bit_compute_dtype=getattr(torch, wanted.compute_dtype),
        **skipped,
    )


class _Once(logging.Filter):
    """Lets each message of a logger through once: bitsandbytes says for every product that it casts."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        is_new = message not in self._seen
        self._seen.add(message)
        return is_new


_ONCE = _Once()


def quantised_copy(model: Any, wanted: Quantisation, left: tuple[str, ...] = ()) -> Any:
    """Return a model of transformers with quantised linear layers, on the device where it is trained, in eval mode.

    Goes through a temporary folder, as transformers quantises while it loads: meant for small models.
    """
    every_process = patch.object(type(model), "should_save_on_this_rank", lambda *_: True, create=True)
    with TemporaryDirectory() as folder, without_bars(), without_remarks():
        with every_process:  # of several that train one trial, transformers lets the first write alone
            model.save_pretrained(folder)
        copy = type(model).from_pretrained(
            folder,
            dtype=model.dtype,
            attn_implementation=model.config._attn_implementation,
            local_files_only=True,
            **loading_settings(wanted, None, left),
        )
    copy.generation_config = getattr(model, "generation_config", None)
    return copy.eval()


def _mend_bitsandbytes() -> None:
    """Change for this process what bitsandbytes 0.50 does with the weights of its layers. Safe to call again."""
    logging.getLogger("bitsandbytes.autograd._functions").addFilter(_ONCE)
    _keep_int8_scales()
    _keep_4_bits_in_order()


def _keep_4_bits_in_order() -> None:
    """Let a layer of 4 bits keep its weight as it is when it answers on a processor with AVX-512 in bfloat16.

    There bitsandbytes 0.50 packs the weight anew in the first pass without gradients, for a product in bfloat16. What
    reads the weight afterwards (DoRA, merging) reads it in another order, no gradient passes through the layer any
    more, and a computing dtype of float32 is not kept.
    """
    from bitsandbytes.nn import modules

    if hasattr(modules, "has_avx512bf16"):
        vars(modules)["has_avx512bf16"] = lambda: False


def _keep_int8_scales() -> None:
    """Let a layer of int8 keep the scales of its weight when it is moved after its first pass.

    bitsandbytes 0.50 takes the scales from the weight into the layer in the first pass. Where peft then asks for the
    weight on the device on which it is already, as for DoRA, the weight comes back without scales, and the next pass
    takes over that there are none.
    """
    import bitsandbytes.nn

    layers: Any = vars(bitsandbytes.nn)["Linear8bitLt"]
    taken_over = layers.init_8bit_state
    if taken_over.__module__ == __name__:
        return

    def init_8bit_state(layer: Any) -> None:
        if layer.weight.SCB is None:
            layer.weight.SCB = layer.state.SCB
        taken_over(layer)

    layers.init_8bit_state = init_8bit_state


def is_quantised(model: Any) -> bool:
    """Tell whether a loaded model has quantised weights: it lies on its device already, and refuses to be moved."""
    return bool(getattr(model, "is_quantized", False))


def _check_bitsandbytes(setting: str) -> None:
    device = default_device().type
    if device == "mps":
        raise InputError(f"{setting}: bitsandbytes does not support Apple GPUs; leave it out")
    check_package(setting, "bitsandbytes", _REQUIREMENT)
    found = version("bitsandbytes")
    if device == "cpu" and _first_two(found) < _FIRST_ON_PROCESSORS:
        raise InputError(
            f"{setting}: without a GPU this needs bitsandbytes 0.50 or later, and {found} is installed; "
            f'update it with: pip install "{_REQUIREMENT}"'
        )


def _check_torchao(setting: str) -> None:
    check_package(setting, "torchao", _REQUIREMENT_OF_TORCHAO)
    found = version("torchao")
    if _first_two(found) < _FIRST_OF_TORCHAO:
        raise InputError(
            f"{setting} needs torchao 0.18 or later, and {found} is installed; "
            f'update it with: pip install "{_REQUIREMENT_OF_TORCHAO}"'
        )


def _first_two(found: str) -> tuple[int, ...]:
    return tuple(map(int, found.split(".")[:2]))


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, PackageNotFoundError):
        return False
