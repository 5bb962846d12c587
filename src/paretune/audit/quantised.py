"""Checks on a quantised base model: does a method train there, come back, and what does merging do to its outputs."""

from pathlib import Path

from torch import nn

from paretune.audit.course import RECIPE, Attached, Trained, all_outputs, attach, train_under_watch
from paretune.audit.gap import gap
from paretune.audit.storage import reloads
from paretune.audit.training import trains
from paretune.kinds.probe import Dtype, Subject
from paretune.methods import build
from paretune.methods.merging import CannotMerge, has_adapter, merge_adapter
from paretune.models import LoadedModel
from paretune.models.quantisation import quantised_copy
from paretune.spec import MethodSpec, NotPassed, Passed, Recipe, one_line
from paretune.spec.quantisation import Quantisation, QuantisedFormat

_ROUNDED: dict[QuantisedFormat, float] = {"nf4": 1e-4, "fp4": 1e-4, "int8": 2 / 127, "int8-torchao": 1e-4}
"""Share of the largest output that rounding explains. In bitsandbytes' int8 a layer's inputs are rounded to 127
steps: a difference in the last bit of a float becomes one of a step."""


def quantised_subject(subject: Subject, quantisation: Quantisation) -> Subject:
    """Return the same subject with quantised linear layers, as `quantised_copy` makes them."""

    def load(dtype: Dtype) -> LoadedModel:
        loaded = subject.load(dtype)
        return loaded._replace(model=quantised_copy(loaded.model, quantisation))

    return subject._replace(load=load)


def trains_on_quantised(
    spec: MethodSpec, subject: Subject, form: QuantisedFormat, rates: tuple[float, ...], folder: Path
) -> Passed | NotPassed:  # fmt: skip
    """Judge whether training on a quantised base lowers the loss, and what is saved gives the same outputs again.

    The learning rates are tried in turn until the loss falls. The value is the share of the loss that went. Raises what
    the method or a library raises.
    """
    quantised = quantised_subject(subject, Quantisation(form))
    attached, trained = _trained(spec, quantised, RECIPE.model_copy(update={"quantisation": form}), rates)
    verdict = trains(trained)
    attached.method.save(attached.model, folder)
    loaded = build(spec).load(quantised.fresh().model, folder)
    back = reloads(quantised, all_outputs(quantised, attached.model), loaded, _ROUNDED[form])
    if isinstance(verdict, NotPassed):
        return verdict
    if isinstance(back, NotPassed):
        return back.model_copy(update={"finding": f"{verdict.finding}; {back.finding}"})
    return Passed(figure=verdict.figure, finding=f"{verdict.finding}; {_merged(quantised, loaded)}")


def trains_on_quantised_in_bf16(
    spec: MethodSpec, subject: Subject, form: QuantisedFormat, rates: tuple[float, ...]
) -> Passed | NotPassed:  # fmt: skip
    """Judge the same of training alone, where everything else of the base is in bfloat16."""
    recipe = RECIPE.model_copy(update={"quantisation": form, "dtype": "bfloat16"})
    return trains(_trained(spec, quantised_subject(subject, Quantisation(form)), recipe, rates)[1])


def _trained(spec: MethodSpec, subject: Subject, recipe: Recipe, rates: tuple[float, ...]) -> tuple[Attached, Trained]:
    """Train at the first of the learning rates at which the loss falls, or at the last."""
    for rate in rates:
        attached = attach(build(spec), subject, rate, recipe)
        trained = train_under_watch(attached)
        if trained.learned:
            break
    return attached, trained


def _merged(subject: Subject, model: nn.Module) -> str:
    """Return what merging into quantised weights does to the outputs, in words. The model is spent afterwards."""
    if not has_adapter(model):
        return "there is nothing to merge"
    expected = all_outputs(subject, model)
    try:
        found = gap(expected, all_outputs(subject, merge_adapter(model)))
    except CannotMerge as reason:
        return f"merging: {reason}"
    except Exception as error:  # what a library raises is what is found
        return f"merging ends in {type(error).__name__}: {one_line(error)[:200]}"
    return f"merged into the quantised weights, outputs move by {found.largest / expected.abs().max().item():.1%}"
