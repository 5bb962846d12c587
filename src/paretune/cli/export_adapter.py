"""A saved adapter in the form that a server loads: from options to files, or the rule that is broken."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from paretune.cli.evaluate import checkpoint_base_model
from paretune.spec import InputError, nearest
from paretune.store import TRIAL_FILE
from paretune.store.atomic import refusing

ADAPTER_FILE = "adapter.gguf"
_CONFIG = "adapter_config.json"


def export_adapter(checkpoint: Path, server: str, out: Path, model: str | None) -> list[str]:
    """Write what a server loads into the folder `out`. Returns lines that say what was written and how to load it.

    Raises `InputError` for an unknown server, a folder with something in it, or an adapter that the server cannot load.
    """
    if server not in SERVERS:
        raise InputError(f'--for: "{server}" is not known{nearest(server, SERVERS)}; there are: {", ".join(SERVERS)}')
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is there already; choose another folder with --out")
    config = _config(checkpoint)
    from paretune.methods.checkpoint import reading

    with refusing(out, "choose another folder with --out"), reading(checkpoint):
        return SERVERS[server](checkpoint, config, out, model)


def _config(checkpoint: Path) -> dict[str, Any]:
    """Return the configuration of a checkpoint's adapter. Raises `InputError` where it has none that can be read."""
    from paretune.methods.checkpoint import require_safetensors

    if not (checkpoint / _CONFIG).is_file() and (checkpoint / "config.json").is_file():
        raise InputError(
            f"{checkpoint}: a whole model, which servers load as it is; for an adapter see: paretune convert "
            f"{checkpoint} --to lora --linear-only"
        )
    require_safetensors(checkpoint, _CONFIG, "*.safetensors")
    try:
        config = json.loads((checkpoint / _CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{checkpoint / _CONFIG}: cannot be read as JSON: {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get("peft_type"), str):
        raise InputError(f"{checkpoint / _CONFIG}: not a peft configuration (no peft_type)")
    if config["peft_type"] == "LORA":
        for name in ("r", "lora_alpha"):
            if isinstance(config.get(name), bool) or not isinstance(config.get(name), int | float):
                raise InputError(f"{checkpoint / _CONFIG}: {name} is no number")
    return config


def _refused(checkpoint: Path, server: str, rule: str) -> InputError:
    return InputError(
        f"{checkpoint}: {server} cannot load it ({rule}); a plain LoRA of nearly the same is written by: "
        f"paretune convert {checkpoint} --to lora --rank 8,16,32 -o FOLDER"
    )


def _for_peft(checkpoint: Path, config: Mapping[str, Any], out: Path, model: str | None) -> list[str]:
    if finding := _audited(checkpoint, "reloads_with_peft"):
        raise _refused(checkpoint, "peft alone", finding)
    _copy(checkpoint, config, out, _base_name(checkpoint, model))
    return [f"{out}: a peft adapter", f'load it: PeftModel.from_pretrained(base_model, "{out}")']


def _audited(checkpoint: Path, claim: str) -> str | None:
    """Return what the audit found where it says that a claim does not hold for a checkpoint's method, or None."""
    from paretune.methods.capabilities import audit_of
    from paretune.spec import Trial

    file = checkpoint / TRIAL_FILE
    if not file.exists():
        return None
    trial = Trial.read(json.loads(file.read_text(encoding="utf-8")), str(file))
    audit = audit_of(trial.method, tied=None) or audit_of(trial.method)
    verdict = audit and (audit.verdict(claim, trial.model_kind) or audit.verdict(claim))
    return verdict.finding if verdict and verdict.kind == "fail" else None


def _for_vllm(checkpoint: Path, config: Mapping[str, Any], out: Path, model: str | None) -> list[str]:
    from paretune.audit.serving import VLLM, broken_rule_of_vllm, max_lora_rank

    if rule := broken_rule_of_vllm(config, checkpoint):
        raise _refused(checkpoint, "vLLM", rule)
    base = _base_name(checkpoint, model)
    _copy(checkpoint, config, out, base)
    return [
        f"{out}: a LoRA that keeps the rules of {VLLM}",
        f"serve it: vllm serve {base or 'BASE'} --enable-lora --max-lora-rank {max_lora_rank(config)} "
        f"--lora-modules {out.name}={out}",
    ]


def _for_transformers(checkpoint: Path, config: Mapping[str, Any], out: Path, model: str | None) -> list[str]:
    from paretune.methods.with_base import TRANSFORMERS, not_for_transformers, write_with_base
    from paretune.models import load_model
    from paretune.models.progress import without_bars

    if rule := not_for_transformers(checkpoint) or _audited(checkpoint, "servable_by_transformers"):
        raise _refused(checkpoint, "transformers", rule)
    base = load_model(checkpoint_base_model(checkpoint, model))
    with without_bars():
        write_with_base(base.model, base.tokenizer, checkpoint, out)
    return [
        f"{out}: base model and {config['peft_type']} adapter, as {TRANSFORMERS} loads them from one folder",
        f"serve it: transformers serve {out.absolute()}   (needs: pip install 'transformers[serving]')",
    ]


def _for_llama_cpp(checkpoint: Path, config: Mapping[str, Any], out: Path, model: str | None) -> list[str]:
    file, base = _write_gguf("llama.cpp", checkpoint, config, out, model)
    return [
        _written(file),
        f"serve it: llama-server -m BASE.gguf --lora {file}, where BASE.gguf is {base} as GGUF",
    ]


def _for_ollama(checkpoint: Path, config: Mapping[str, Any], out: Path, model: str | None) -> list[str]:
    """Write GGUF: Ollama's code of August 2026 (fb3076099) lets llama.cpp's server load one file of an adapter.

    Its own conversion from safetensors reads no `use_rslora` and no alpha of a layer's own.
    """
    file, base = _write_gguf("Ollama", checkpoint, config, out, model)
    (out / "Modelfile").write_text(f"# BASE.gguf is {base} as GGUF\nFROM BASE.gguf\nADAPTER ./{file.name}\n", "utf-8")
    return [
        f"{_written(file)}; Ollama runs llama.cpp",
        f"serve it: put the path of {base} as GGUF into {out / 'Modelfile'}, then "
        f"ollama create {out.name} -f {out / 'Modelfile'} and ollama run {out.name}",
    ]


def _written(file: Path) -> str:
    from paretune.methods.gguf_adapter import LLAMA_CPP

    return f"{file}: a LoRA as {LLAMA_CPP} loads it, in float32"


def _write_gguf(
    server: str, checkpoint: Path, config: Mapping[str, Any], out: Path, model: str | None
) -> tuple[Path, str]:  # fmt: skip
    """Write the adapter as GGUF. Returns the file, and the name of the base model."""
    from paretune.methods.gguf_adapter import not_for_llama_cpp, write_gguf_adapter
    from paretune.methods.plain_lora import plain_lora_layers
    from paretune.models.shapes import find_shape

    base = checkpoint_base_model(checkpoint, model)
    shape = find_shape(base)
    if rule := not_for_llama_cpp(config, checkpoint, shape.config):
        raise _refused(checkpoint, server, rule)
    file = out / ADAPTER_FILE
    out.mkdir(parents=True, exist_ok=True)
    write_gguf_adapter(plain_lora_layers(checkpoint), shape.config, checkpoint.name, file)
    return file, base


def _copy(checkpoint: Path, config: Mapping[str, Any], out: Path, base: str | None) -> None:
    """Write configuration and weights, and nothing of Paretune's. The base model is named where it has a name."""
    out.mkdir(parents=True, exist_ok=True)
    for file in sorted(checkpoint.glob("*.safetensors")):
        shutil.copyfile(file, out / file.name)
    named = dict(config) if base is None else {**config, "base_model_name_or_path": base}
    (out / _CONFIG).write_text(json.dumps(named, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _base_name(checkpoint: Path, model: str | None) -> str | None:
    """Return the base model as others know it: its name on the hub or its folder; None for one out of a package."""
    from paretune.models.reference import parse

    parsed = parse(checkpoint_base_model(checkpoint, model))
    return parsed.name if parsed.kind in {"hub", "path"} else None


SERVERS: dict[str, Callable[[Path, Mapping[str, Any], Path, str | None], list[str]]] = {
    "peft": _for_peft,
    "vllm": _for_vllm,
    "transformers": _for_transformers,
    "llama.cpp": _for_llama_cpp,
    "ollama": _for_ollama,
}
