"""Breaks a copy of the embedded Firestore, one fault at a time, and tells which test notices it.

`python -m tests.embedded.firestore.mutants [WORD ...]` prints the table of docs/embedded-firestore.md; with words, only
the faults that have one of them in their name. The exit code is 1 where a fault has lived or no longer applies.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
COPIED = ("embedded", "tests", "pyproject.toml", "firestore.indexes.json")
TIMEOUT_SECONDS = 300
HERE = "tests/embedded/firestore"
MODEL, CRASH, FUZZ = f"{HERE}/test_model.py", f"{HERE}/test_crash.py", f"{HERE}/test_fuzz.py"
CONTENTION, CONFORMANCE = f"{HERE}/test_contention.py", f"{HERE}/conformance"
_FAILED = re.compile(r"^(?:FAILED|ERROR) (?:\S*/)?(\w+\.py::\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """A fault: a text of one file, which must be there once, and what it becomes; and the tests that must notice."""

    what: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "a precondition is skipped",
        "writes.py",
        "if write.exists is False and state.document is not None:",
        "if False:",
        (MODEL,),
    ),
    Mutant(
        "half a commit is applied",
        "writer.py",
        'self._connection.execute("ROLLBACK TO job")',
        "pass",
        (MODEL,),
    ),
    Mutant(
        "an update forgets to take the old index entries out",
        "tables.py",
        "self.replace_entries(state.path, state.number or 0, old_set - new_set, new_set - old_set)",
        "self.replace_entries(state.path, state.number or 0, (), new_set - old_set)",
        (MODEL,),
    ),
    Mutant(
        "an update forgets to put new index entries in",
        "tables.py",
        "self.replace_entries(state.path, state.number or 0, old_set - new_set, new_set - old_set)",
        "self.replace_entries(state.path, state.number or 0, old_set - new_set, ())",
        (CRASH,),
    ),
    Mutant(
        "a read sees the state before the last commit",
        "storage.py",
        "yield Snapshot(reader, now if read_time is None else read_time, is_past=(read_time or now) < last_commit)",
        "yield Snapshot(reader, last_commit - 1 if read_time is None else read_time, is_past=last_commit > 0)",
        (MODEL,),
    ),
    Mutant(
        "a listener is not told of one commit in ten",
        "watchers.py",
        "        if feeds:\n",
        "        if feeds and commit.commit_time % 10:\n",
        (MODEL,),
    ),
    Mutant(
        "a commit is acknowledged before it is in the file",
        "writer.py",
        "        await self._flush([result for _, result in applied])\n",
        "        for job, result in applied:\n            job.done.set_result(result)\n        await asyncio.sleep(0.05)\n"
        "        await self._flush([result for _, result in applied])\n",
        (CRASH,),
    ),
    Mutant(
        "a commit does not wait for the disk",
        "storage.py",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = OFF",
        (CRASH,),
    ),
    Mutant(
        "a range crosses types",
        "filters.py",
        "    return key[:1], after(key[:1])\n",
        '    return b"", AFTER_ALL\n',
        (MODEL,),
    ),
    Mutant(
        "documents that a transaction has read are not locked",
        "transactions.py",
        "await self._locks.acquire_read(transaction.owner, path)",
        "pass",
        (CONTENTION,),
    ),
    Mutant(
        "queries of a transaction are not held against commits",
        "transactions.py",
        "if transaction.queries and transaction.owner is not owner and _is_affected(transaction, changes)",
        "if False",
        (CONTENTION,),
    ),
    Mutant(
        "maximum and minimum take the operand on a tie",
        "transforms.py",
        "return operand if (right_key > left_key if largest else right_key < left_key) else stored",
        "return operand if (right_key >= left_key if largest else right_key <= left_key) else stored",
        (MODEL,),
    ),
    Mutant(
        "an increment overflows",
        "transforms.py",
        "return Value(integer_value=min(max(left + right, MIN_INT64), MAX_INT64))",
        "return Value(integer_value=(left + right + 2**63) % 2**64 - 2**63)",
        (MODEL,),
    ),
    Mutant(
        "no document is too large",
        "documents.py",
        "MAX_DOCUMENT_BYTES = 1024 * 1024 - 4",
        "MAX_DOCUMENT_BYTES = 1024 * 1024 * 1024",
        (f"{CONFORMANCE}/test_limits.py", f"{HERE}/test_documents.py"),
    ),
    Mutant(
        "no query needs an index",
        "execution.py",
        "",
        "",
        (f"{CONFORMANCE}/test_indexes.py",),
    ),
    Mutant(
        "transactions never expire",
        "transactions.py",
        "if is_expired and not transaction.owner.is_committing:",
        "if False:",
        (f"{HERE}/test_transactions.py",),
    ),
    Mutant(
        "a write that changes nothing has a new update_time",
        "tables.py",
        "",
        "",
        (MODEL,),
    ),
    Mutant(
        "a broken request is the server's own error",
        "service.py",
        "except DecodeError as error:",
        "except ZeroDivisionError as error:",
        (FUZZ,),
    ),
)
