"""Dask ``distributed`` as an engine: a cluster of this machine, or any scheduler's."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..checks import Count, checked
from .computing import compute
from .engines import Submitting
from .gpus import see_one

if TYPE_CHECKING:
    from distributed import Client

_ANY_PORT = ":0"
"""For the dashboard: the usual one may be another cluster's."""


def is_client(executor: Any) -> bool:
    """Whether it is a client of Dask, which need not be installed to ask."""
    return any(
        kind.__module__.startswith("distributed.") and kind.__name__ == "Client" for kind in type(executor).__mro__
    )


def dask_engine(client: "Client", gpus: tuple[str, ...] = ()) -> Submitting:
    """The workers of a client's scheduler."""
    if gpus:
        from distributed import WorkerPlugin

        class OneGPU(WorkerPlugin):
            """Each worker sees one GPU, by its name if that is a number, as those of a local cluster are."""

            def setup(self, worker: Any) -> None:
                see_one(gpus, int(str(worker.name)) if str(worker.name).isdigit() else 0)

        client.register_plugin(OneGPU())

    def submit(job: Any) -> Any:
        # A key of its own for every call: a case whose result was deleted is computed again.
        return client.submit(compute, job, key=f"{job.folder.name}-{uuid4().hex[:8]}", pure=False)

    return Submitting(submit, lambda: client.status in ("running", "connecting"))


@checked
@contextmanager
def dask_client(address: str | None = None, workers: Count = 2) -> "Iterator[Client]":
    """A client of the scheduler at an address, or of a cluster of so many processes on this machine, one thread each.

    Raises:
        ValueError: without Dask, or if nobody answers there.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ValueError("Dask is not installed: pip install 'rnn-dynamics[dask]'") from error
    if address is not None:
        try:
            client = Client(address)
        except (OSError, ValueError) as error:
            raise ValueError(f"no scheduler of Dask answers at {address}: {error}") from error
        with client:
            yield client
        return
    quiet: dict[str, Any] = {"dashboard_address": _ANY_PORT, "silence_logs": logging.ERROR}
    with LocalCluster(n_workers=workers, threads_per_worker=1, **quiet) as cluster, Client(cluster) as client:
        yield client
