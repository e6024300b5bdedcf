"""Tasks on Dask: a cluster of this machine's own, or one that runs already, known by its scheduler's address.

With no workers at all, tasks run here, one after the other, and Dask is not asked for. A task that is lost with its
worker is given to another one by the scheduler; one that costs three workers their life is given up, as an exception.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from parity.checkout import is_installed, need
from parity.errors import InputError, one_line
from parity.files.sizes import parse_bytes

AHEAD = 1_000
"""Tasks that the scheduler is given at once, at most."""
AHEAD_OF_EACH = 4
"""The same for each of its workers' threads, where what a task is given is large."""
MESSAGES = 10
"""That each connection remembers, whole, with what tasks were given; a thousand by default."""
PATIENCE = 30
"""Seconds that a scheduler may take to answer, or to have a worker."""


@dataclass(frozen=True)
class Workers:
    """Where tasks run.

    Attributes
    ----------
    count : processes on this machine; 0: this process itself
    memory_limit : bytes of each, as text (`4G`); empty: an equal share of what there is
    scheduler : address of one that runs already (`tcp://host:8786`); empty: none, a cluster is started
    """

    count: int = 1
    memory_limit: str = ""
    scheduler: str = ""

    def check(self) -> None:
        """Refuse what cannot be meant, before anything is started; an InputError."""
        if self.count < 0 or self.count > 1_000:
            raise InputError(f"--workers {self.count}: expected 0 (here, without Dask) to 1,000")
        if self.memory_limit and parse_bytes(self.memory_limit) is None:
            raise InputError(f"--memory-limit {self.memory_limit!r}: expected bytes, such as 800M or 4G")
        if self.scheduler and not self.scheduler.startswith(("tcp://", "tls://", "ucx://")):
            raise InputError(f"--scheduler {self.scheduler}: expected an address such as tcp://127.0.0.1:8786")
        if self.count or self.scheduler:
            need("dask", "--scheduler" if self.scheduler else "--workers", "--workers 0 does without")


class Tasks:
    """Runs tasks.

    Attributes
    ----------
    dashboard : address of Dask's own page; empty where there is none
    """

    def __init__(self, client: Any = None) -> None:
        self._client = client
        has_page = client is not None and is_installed("bokeh")
        self.dashboard: str = client.dashboard_link if has_page else ""

    def each(
        self, task: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], *, few: bool = False
    ) -> Iterator[tuple[int, Any, Exception | None]]:
        """Run a task on every row of arguments, which are taken as they are needed.

        Parameters
        ----------
        few : give the scheduler no more tasks at once than keep its workers busy, since their arguments are large

        Yields
        ------
        number, result, error : as they are done, in any order; of one that was given up, its error

        Raises
        ------
        InputError : the scheduler is gone
        """
        if self._client is None:
            yield from ((number, task(*row), None) for number, row in enumerate(arguments))
            return
        from distributed import as_completed

        futures: dict[Any, int] = {}
        left = enumerate(arguments)
        ahead = AHEAD_OF_EACH * sum(self._client.nthreads().values()) if few else AHEAD

        def submitted() -> Iterator[Any]:
            for number, row in left:
                futures[future := self._client.submit(task, *row, pure=False)] = number
                yield future

        completed = as_completed(list(islice(submitted(), ahead)))
        for future in completed:
            if future.status == "cancelled":
                raise InputError("the scheduler is gone; what was answered is kept, and the same command goes on")
            if future.status not in ("finished", "error"):  # its result died with its worker: it is made again
                completed.add(future)
                continue
            number = futures.pop(future)
            error = future.exception() if future.status == "error" else None
            result = None if error is not None else future.result()
            future.release()
            completed.update(islice(submitted(), 1))
            yield number, result, error


@contextlib.contextmanager
def tasks_on(workers: Workers) -> Iterator[Tasks]:
    """Tasks that run where it was asked for; a cluster that was started for them ends with them.

    Raises
    ------
    InputError : as `Workers.check`, or no scheduler answers at the address, or it has no workers
    """
    workers.check()
    if not workers.count and not workers.scheduler:
        yield Tasks()
        return
    import dask
    from distributed import Client, LocalCluster

    for name in ("distributed", "distributed.client"):  # which has a level of its own; what is wrong is said below
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack, dask.config.set(_settings()):
        if workers.scheduler:
            client = stack.enter_context(_client_of(workers.scheduler))
        else:
            limit = parse_bytes(workers.memory_limit) if workers.memory_limit else "auto"
            cluster = LocalCluster(
                n_workers=workers.count, threads_per_worker=1, processes=True, memory_limit=limit,
                dashboard_address=":0", silence_logs=logging.CRITICAL,
            )  # fmt: skip
            client = stack.enter_context(Client(stack.enter_context(cluster)))
        yield Tasks(client)


def _settings() -> dict[str, Any]:
    """Dask's, of a cluster of our own.

    What Dask does by the clock, whatever the tasks, costs a tenth of a core. And its workers give memory back to the
    system at once, and fault it in again: a fortieth of the time of networks that allocate the same in every chunk.
    """
    return {
        "distributed.comm.timeouts.connect": f"{PATIENCE}s",
        "distributed.scheduler.work-stealing": True,
        "distributed.admin.low-level-log-length": MESSAGES,
        "distributed.admin.tick.interval": "1s",
        "distributed.worker.profile.enabled": False,
        "distributed.worker.memory.monitor-interval": "500ms",
        "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
        "distributed.nanny.pre-spawn-environ.MALLOC_ARENA_MAX": 1,
    }


def _client_of(address: str) -> Any:
    from distributed import Client

    try:
        client = Client(address, timeout=PATIENCE)
        client.wait_for_workers(1, timeout=PATIENCE)
    except (OSError, TimeoutError) as error:
        raise InputError(
            f"--scheduler {address}: no scheduler with workers answers there ({one_line(error, 120)})"
        ) from error
    return client
