"""The one training loop, its batches, and the generation of answers."""

from paretune.engine.answering import Answering, answering, check_references
from paretune.engine.batches import Batch, Batches, DataBatch, check_lengths, longest_batches, make_batches
from paretune.engine.encoding import (
    Encoded,
    encode,
    encode_answer,
    encode_question,
    encode_questions,
    encode_within,
    ended_once,
    uses_template,
)
from paretune.engine.generate import answer
from paretune.engine.generators import GENERATORS, Generator, generator_for
from paretune.engine.objective import answer_loss, answer_loss_in_chunks, validation_loss
from paretune.engine.respondent import LanguageRespondent, PictureRespondent
from paretune.engine.train import NOTHING_YET, Divergence, Training, rate_factor, train
from paretune.engine.training_state import TrainingState, restore, state_bytes, state_of

__all__ = [
    "GENERATORS",
    "NOTHING_YET",
    "Answering",
    "Batch",
    "Batches",
    "DataBatch",
    "Divergence",
    "Encoded",
    "Generator",
    "LanguageRespondent",
    "PictureRespondent",
    "Training",
    "TrainingState",
    "answer",
    "answer_loss",
    "answer_loss_in_chunks",
    "answering",
    "check_lengths",
    "check_references",
    "encode",
    "encode_answer",
    "encode_question",
    "encode_questions",
    "encode_within",
    "ended_once",
    "generator_for",
    "longest_batches",
    "make_batches",
    "rate_factor",
    "restore",
    "state_bytes",
    "state_of",
    "train",
    "uses_template",
    "validation_loss",
]
