"""What the options of every task promise: the part that all contracts of tasks share."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from paretune.spec import TaskSpec
from paretune.tasks import AnyTask
from paretune.testing.refusal import refusal


class OptionsContract:
    """Tests of a task's options. `TaskContract` and `LabelledTaskContract` inherit them."""

    task: ClassVar[str]
    """The name by which a study asks for the task."""
    options: Mapping[str, Any] = {}
    """Options that the task cannot do without, such as the file of its data."""
    wrong_options: ClassVar[Mapping[str, Any]] = {}
    """An unusable value for each option that has one; each must be refused in one line that names the option."""

    @abstractmethod
    def make(self, **options: Any) -> AnyTask:
        """Return a new instance of the task."""

    def test_every_option_is_described(self) -> None:
        """`paretune tasks NAME` says what each option means."""
        task = type(self.make())
        assert task.about_options.keys() == task.default_options.keys()
        assert task.option_kinds.keys() <= task.default_options.keys()

    def test_an_unknown_option_is_refused_in_one_line(self) -> None:
        """The line names the option."""
        line = refusal(lambda: self.make(no_such_option=1))
        assert '"no_such_option"' in line
        assert "\n" not in line

    def test_an_option_of_another_kind_is_refused_in_one_line(self) -> None:
        """Before any data is read, a value that an option's kind does not fit is refused by name."""
        task = type(self.make())
        strange = object()
        wrong = {name: strange for name, kind in task.option_kinds.items() if not kind.fits(strange)}
        for name, value in {**wrong, **self.wrong_options}.items():
            line = refusal(partial(self._spec_with, name, value))
            assert name in line
            assert "\n" not in line

    def _spec_with(self, option: str, value: Any) -> TaskSpec:
        return self.make(**{option: value}).spec()
