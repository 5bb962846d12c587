"""What intervals and tests are about where questions come in clusters, in words."""

from paretune.analysis.statistics.clusters import Sampling
from paretune.spec import InputError, Metric, TaskCard, TaskSpec

_CLUSTER = TaskCard.model_fields["cluster"].get_default()


def sampling_note(sampling: Sampling, task: TaskSpec, main: Metric) -> str | None:
    """Return what a cluster of a task's questions is and what intervals speak of.

    None where questions are independent, and where each is a cluster of its own.
    """
    if sampling.scope == "questions" or sampling.num_clusters == len(sampling.codes):
        return None
    cluster, meaning = _words_of(task)
    items, clusters = main.items, f"{sampling.num_clusters:,} {cluster}s"
    head = f"The {len(sampling.codes):,} {items} come from {clusters}{f': {meaning}' if meaning else ''}."
    alike = f"{items.capitalize()} of one {cluster} are alike"
    if sampling.scope == "new clusters":
        return (
            f"{head} {alike}, so they count for less than {len(sampling.codes):,} independent ones; "
            f"intervals and tests are about {items} from other {cluster}s too."
        )
    return (
        f"{head} {alike}, and so few {cluster}s say little about others; intervals and tests are about new {items} of "
        f"these {cluster}s alone."
    )


def cluster_word(task: TaskSpec) -> str:
    """Return what a task's card calls a cluster of its questions, such as "template"."""
    return _words_of(task)[0]


def _words_of(task: TaskSpec) -> tuple[str, str]:
    """Return what the task's card calls a cluster, and what it holds; "cluster" where the task is not installed."""
    from paretune.tasks import task_class

    try:
        card = task_class(task.name).card
    except InputError:
        return _CLUSTER, ""
    return card.cluster, card.cluster_meaning
