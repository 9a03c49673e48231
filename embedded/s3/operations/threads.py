"""Threads for what waits for the disk, so that the event loop does not."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_threads = ThreadPoolExecutor(16, thread_name_prefix="s3")


async def run(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """The function's result, from another thread."""
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(function, *arguments, **options))
