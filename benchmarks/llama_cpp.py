"""The server of llama.cpp in this process, and a model of transformers as the GGUF file that it loads.

Needs `xllamacpp` (tried with 2026.10.11549, which holds llama.cpp b11549 built for the CPU).
"""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gguf
from torch import nn

from paretune.methods.gguf_adapter import ARCHITECTURES, as_in_gguf

_SECONDS = 600
"""The longest that one answer may take."""


def write_gguf_model(model: nn.Module, config: Mapping[str, Any], tokenizer: Any, file: Path) -> None:
    """Write a causal language model in float32, with its tokens but without the way in which texts become tokens."""
    architecture = ARCHITECTURES[config["model_type"]]
    kind = next(kind for kind, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    names = gguf.get_tensor_name_map(kind, config["num_hidden_layers"])
    writer = gguf.GGUFWriter(file, architecture)
    _add_settings(writer, config)
    _add_tokens(writer, config["vocab_size"], tokenizer)
    for name, parameter in model.named_parameters():
        layer, _, suffix = name.rpartition(".")
        weight = as_in_gguf(parameter.detach().float(), layer, config)
        writer.add_tensor(f"{names.get_name(layer)}.{suffix}", weight.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_settings(writer: Any, config: Mapping[str, Any]) -> None:
    heads = config["num_attention_heads"]
    head_size = config.get("head_dim") or config["hidden_size"] // heads
    rope = config.get("rope_parameters") or {}
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


def _add_tokens(writer: Any, size: int, tokenizer: Any) -> None:
    """Add tokens as byte-level BPE without merges: prompts are given as token ids."""
    words: list[str] = [word or f"<unused {place}>" for place, word in enumerate(_words(tokenizer, size))]
    special = set(tokenizer.all_special_ids)
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types([control if place in special else normal for place in range(size)])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_add_bos_token(False)


def _words(tokenizer: Any, size: int) -> list[str | None]:
    found: list[str | None] = [None] * size
    for word, place in tokenizer.get_vocab().items():
        found[place] = word
    return found


class Answer(NamedTuple):
    """What the server wrote."""

    tokens: list[int]
    """Without the token that ends an answer."""
    prompt_seconds: float
    answer_seconds: float


class LlamaCpp:
    """A server of a model and its adapters on a free port of this machine, for token ids in and token ids out.

    Keys and values are kept in float32.
    """

    def __init__(
        self, file: Path, adapters: Sequence[Path] = (), *, context: int = 1024, slots: int = 1, threads: int = 1
    ) -> None:
        import xllamacpp

        settings = xllamacpp.CommonParams()
        settings.model.path = str(file)
        settings.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(one), 1.0) for one in adapters]
        settings.n_ctx, settings.n_parallel = context * slots, slots
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
        settings.cache_type_k = settings.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        settings.cache_prompt = settings.warmup = False
        settings.port, settings.verbosity = 0, 0
        self._num_adapters = len(adapters)
        self._server = xllamacpp.Server(settings)
        self._address = self._server.listening_address

    def answer(
        self, prompt: Sequence[int], length: int, adapter: int | None = None, *, to_the_end: bool = False
    ) -> Answer:
        """Return the greedy answer of at most `length` tokens with one of the adapters, or with none.

        With `to_the_end` it has that length even where it would end before.
        """
        request = {"prompt": list(prompt), "n_predict": length, "temperature": 0.0, "return_tokens": True}
        request |= {"samplers": ["top_k"], "top_k": 1, "cache_prompt": False, "ignore_eos": to_the_end}
        request["lora"] = [{"id": one, "scale": float(one == adapter)} for one in range(self._num_adapters)]
        found = self.post("/completion", request)
        times = found["timings"]
        return Answer(found["tokens"], times["prompt_ms"] / 1000, times["predicted_ms"] / 1000)

    def post(self, path: str, value: object) -> Any:
        """Return the server's answer to a JSON value."""
        request = urllib.request.Request(self._address + path, json.dumps(value).encode())
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return json.load(answer)


__all__: Sequence[str] = ["Answer", "LlamaCpp", "write_gguf_model"]
