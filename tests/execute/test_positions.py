"""Texts that a base model cannot read behind a method's virtual tokens are refused before the first trial."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.execute.prepare import prepare
from paretune.execute.trial import run_trial
from paretune.kinds import Positions, kind_named, outline_of
from paretune.models import find_shape
from paretune.models.toy import toy_tokenizer
from paretune.spec import CAUSAL_LM, CLASSIFIER, InputError, Study
from paretune.store import Store
from tests.execute.stand_in import Deaf

Build = Callable[..., Study]
SMALL = {
    "vocab_size": 120,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
PROMPTS = ["prompt-tuning", "p-tuning", "prefix-tuning", "cartridge"]
LONGEST = 120
"""Tokens of the longest labelled text; toy:bert reads 128."""


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    rows = [f"{letter * (LONGEST - number % 7)},{letter in 'ab'}\n" for number, letter in enumerate("abcdefgh" * 5)]
    path.write_text("text,label\n" + "".join(f"{number:02}{row[2:]}" for number, row in enumerate(rows)), "utf-8")
    return path


@pytest.fixture
def labelled(toy_study: Build, labels: Path) -> Build:
    """Return a function that builds a study of labelled texts on an encoder of 128 positions."""

    def build(methods: list[Any], **recipe: Any) -> Study:
        return toy_study(
            base_model="toy:bert",
            tasks=[{"name": "own_labels", "options": {"path": str(labels)}}],
            methods=methods,
            recipe={"steps": 2, "batch_size": 4, "memory_steps": 1, **recipe},
        )

    return build


@pytest.fixture
def gpt2(tmp_path: Path) -> str:
    """Return a language model with a table of 128 positions."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = toy_tokenizer()
    ends = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=1, n_head=2, n_positions=128, **ends)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt2")
    tokenizer.save_pretrained(tmp_path / "gpt2")
    return f"path:{tmp_path / 'gpt2'}"


def asked(path: Path, questions: int) -> dict[str, Any]:
    """Write questions of so many tokens with answers of four, and return the task."""
    rows = ({"prompt": f"{one:02}".ljust(questions, "x"), "completion": f"{one:02}yy"} for one in range(40))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return {"tasks": [{"name": "own_data", "options": {"path": str(path)}}]}


def problems(study: Study) -> tuple[str, ...]:
    """Return what is refused of a study."""
    try:
        check_trials(plan(study))
    except InputError as error:
        return error.problems
    return ()


def test_each_method_of_prompts_is_refused_with_the_length_that_goes(labelled: Build, folder: Path) -> None:
    study = labelled([*PROMPTS, "lora"])
    lines = problems(study)
    assert [line.split('"')[1] for line in lines] == PROMPTS
    for line in lines:
        assert f'the longest example of task "own_labels" has {LONGEST} tokens' in line
        assert "behind 20 virtual tokens, together more than the 128 that toy:bert reads" in line
        assert line.endswith("set max_length = 108 in the recipe of all methods (--max-length 108)")
    for weights in (False, True):  # `--plan`, and `run`
        with pytest.raises(InputError) as caught:
            prepare(study, Store(folder), weights=weights)
        assert caught.value.problems == lines


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["prompt-tuning", "prefix-tuning"])
def test_what_is_refused_would_fail_and_the_length_that_is_named_works(
    labelled: Build, tmp_path: Path, method: str
) -> None:
    for max_length, refused in ((108, False), (109, True)):
        study = labelled([method], max_length=max_length)
        assert bool(problems(study)) is refused
        (trial,) = plan(study)
        where = tmp_path / f"of-{max_length}"
        outcome = run_trial(trial, where, attempt=1, concurrent_workers=1, listener=Deaf()).record.outcome
        assert outcome.kind == ("failed" if refused else "ok"), outcome


def test_texts_that_no_method_can_read_are_refused_once(labelled: Build, labels: Path) -> None:
    labels.write_text(labels.read_text("utf-8").replace("00", "0" * 80), "utf-8")
    (line,) = problems(labelled(["base", "lora", "ia3"]))
    assert line.startswith('the longest example of task "own_labels" has 198 tokens, more than the 128 that toy:bert')
    assert line.endswith("set max_length = 128 in the recipe of all methods (--max-length 128)")
    assert not problems(labelled(["base", "lora", "ia3"], max_length=128))


def test_many_virtual_tokens_leave_no_room(labelled: Build) -> None:
    (line,) = problems(labelled([{"name": "prompt-tuning", "parameters": {"num_virtual_tokens": 121}}]))
    assert line == (
        'method "prompt-tuning": 121 virtual tokens leave no room for a text: toy:bert reads 128 tokens at once; give '
        "it fewer"
    )


def test_examples_and_questions_of_a_language_model_count(toy_study: Build, gpt2: str, tmp_path: Path) -> None:
    def found(questions: int) -> tuple[str, ...]:
        task = asked(tmp_path / "rows.jsonl", questions)
        return problems(toy_study(base_model=gpt2, methods=["prompt-tuning", "lora"], **task))

    # A space stands before an answer and an end token after it. Generated ones may be eight tokens longer, of which the
    # last is not read.
    assert not found(questions=95)
    (line,) = found(questions=96)
    assert 'the longest question of task "own_data" with its answer has 109 tokens' in line
    assert line.endswith("leave out the longest questions, or lower max_new_tokens")
    assert 'the longest example of task "own_data" has 109 tokens' in found(questions=103)[0]
    (with_tokens, without) = found(questions=124)
    assert with_tokens.startswith('method "prompt-tuning"')
    assert without.startswith('the longest example of task "own_data" has 130 tokens, more than the 128 that path:')


def test_rows_without_training_are_asked_too_and_shown_worked_examples(
    toy_study: Build, gpt2: str, tmp_path: Path
) -> None:
    def found(methods: list[str], questions: int) -> tuple[str, ...]:
        return problems(toy_study(base_model=gpt2, methods=methods, **asked(tmp_path / "rows.jsonl", questions)))

    assert not found(["base"], questions=110)
    (line,) = found(["base"], questions=120)
    assert line.startswith('the longest question of task "own_data" with its answer has ')
    assert not found(["base-few-shot", "lora"], questions=15)
    (line,) = found(["base-few-shot", "lora"], questions=60)
    assert line.startswith('the longest question of task "own_data" after 4 worked examples with its answer has ')
    assert line.endswith("lower max_new_tokens or shots")


def test_the_text_on_which_forgetting_is_measured_counts(toy_study: Build, gpt2: str, tmp_path: Path) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(f"{json.dumps({'text': f'{one:03}' * 50})}\n" for one in range(100)), "utf-8")
    general = {"source": str(texts), "max_tokens": 112}
    task = asked(tmp_path / "rows.jsonl", 20)
    methods = ["prefix-tuning", "lora"]
    (line,) = problems(toy_study(base_model=gpt2, methods=methods, general_text=general, **task))
    assert "the longest general text has 112 tokens" in line
    assert line.endswith("lower max_tokens of general_text")


def test_a_context_of_examples_counts_as_often_as_it_may_be_long(toy_study: Build, gpt2: str, tmp_path: Path) -> None:
    methods = [{"name": "cpt", "parameters": {"num_examples": 2}}]
    (line,) = problems(toy_study(base_model=gpt2, methods=methods, **asked(tmp_path / "rows.jsonl", 50)))
    assert "behind up to 112 virtual tokens" in line
    assert "max_length = 42 " in line
    assert not problems(toy_study(base_model=gpt2, methods=methods, **asked(tmp_path / "rows.jsonl", 8)))


def test_rotary_positions_are_a_limit_for_virtual_tokens_alone(toy_study: Build, tmp_path: Path) -> None:
    recipe = {"steps": 2, "batch_size": 4, "max_length": 2000}
    task = asked(tmp_path / "rows.jsonl", 1030)
    (line,) = problems(toy_study(methods=["lora", "prompt-tuning"], recipe=recipe, **task))
    assert line.startswith('method "prompt-tuning"')
    assert "together more than the 1024 that toy:llama reads" in line


CONFIGS: list[tuple[str, Mapping[str, Any], Positions]] = [
    (CLASSIFIER, {"model_type": "bert", "max_position_embeddings": 130}, Positions(130, learned=True)),
    (CLASSIFIER, {"model_type": "roberta", "max_position_embeddings": 130}, Positions(128, learned=True)),
    (CLASSIFIER, {"model_type": "distilbert", "max_position_embeddings": 64, "dim": 32}, Positions(64, learned=True)),
    (CAUSAL_LM, {"model_type": "gpt2", "n_positions": 64}, Positions(64, learned=True)),
    (CAUSAL_LM, {"model_type": "opt", "max_position_embeddings": 64}, Positions(64, learned=True)),
    (CAUSAL_LM, {"model_type": "llama", "max_position_embeddings": 64}, Positions(64, learned=False)),
]


@pytest.mark.parametrize(("kind", "config", "expected"), CONFIGS, ids=[str(one[1]["model_type"]) for one in CONFIGS])
def test_how_much_a_model_reads_at_once(
    kind: str, config: Mapping[str, Any], expected: Positions, tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**SMALL, **config}), "utf-8")
    assert outline_of(kind_named(kind), find_shape(str(path))).positions == expected
