"""Breaks the embedded Firestore, one small way after the other, and runs the test that has to notice.

By hand: `python -m tests.embedded.firestore.mutants`, with words of mutants' names to run only those. It prints the
table of docs/embedded-firestore.md. The faults are made in a copy; the exit code is 0 if each was caught.
"""

import sys

from tests.embedded.mutation import Mutant, Subject

MUTANTS = [
    Mutant(
        "skipped precondition",
        "a create overwrites what is there",
        "store/writes.py",
        "if write.exists is False and state.document is not None:",
        "if False:",
        "model/test_documents.py::test_create_refuses_what_is_there",
    ),
    Mutant(
        "half a commit",
        "each write is committed alone, so the writes before a failing one remain",
        "rpc/writes.py",
        "result = await self._commit(transaction, writes)",
        "result = [await self._commit(transaction, [write]) for write in writes][-1]",
        "model/test_documents.py::test_a_batch_is_all_or_nothing",
    ),
    Mutant(
        "stale index entry",
        "an update leaves the old entries in the indexes",
        "store/tables.py",
        "state.removed, state.added = list(old_set - new_set), list(new_set - old_set)",
        "state.removed, state.added = [], list(new_set - old_set)",
        "query/test_query.py::test_an_updated_document_leaves_its_old_place",
    ),
    Mutant(
        "forgotten index entry",
        "an update adds no new entries to the indexes",
        "store/tables.py",
        "state.removed, state.added = list(old_set - new_set), list(new_set - old_set)",
        "state.removed, state.added = list(old_set - new_set), []",
        "query/test_query.py::test_an_updated_document_leaves_its_old_place",
    ),
    Mutant(
        "stale snapshot",
        "a transaction that waited for a lock reads the state from before it waited",
        "transactions/transactions.py",
        "return transaction.owner.failed_at",
        "return transaction.owner.failed_at or transaction.owner.age",
        "conformance/test_transactions.py::test_retry",
    ),
    Mutant(
        "past reads",
        "a read at a read_time returns the present state",
        "store/snapshots.py",
        "self.past_time = read_time if is_past else None",
        "self.past_time = None",
        "conformance/test_transactions.py::test_read_time",
    ),
    Mutant(
        "lost event",
        "a listener misses one commit in fifty",
        "rpc/commit_hub.py",
        "        if feeds:\n",
        "        if feeds and commit.commit_time % 50:\n",
        "rpc/test_listen_clients.py::test_a_thousand_writes",
    ),
    Mutant(
        "lost removal",
        "a listener misses the removal of documents that no longer match its query",
        "rpc/listen_targets.py",
        "elif change.before is not None and self._matches(change.path, change.before):",
        "elif False:",
        "conformance/test_listen.py::test_delete_or_remove",
    ),
    Mutant(
        "no locks",
        "a commit does not wait for transactions that have read the documents that it writes",
        "transactions/transactions.py",
        "            await self._locks.acquire(owner, path, Mode.WRITE)",
        "            pass",
        "conformance/test_transactions.py::test_contention",
    ),
    Mutant(
        "phantoms",
        "the result of a transaction's query may change before the transaction commits",
        "transactions/transactions.py",
        "        if conflicts:",
        "        if False:",
        "conformance/test_transactions.py::test_phantom",
    ),
    Mutant(
        "starved retries",
        "a retried transaction gets no exclusive turn",
        "transactions/locks.py",
        "is_exclusive = owner.is_retry or self._contended_until.get(key, 0) > time.monotonic()",
        "is_exclusive = False",
        "transactions/test_contention.py::test_every_increment_of_every_client_counts",
    ),
    Mutant(
        "ranges across types",
        "`>= 1` matches strings too",
        "query/filters.py",
        "else _type_interval(key)",
        "else (b'', AFTER_ALL)",
        "conformance/test_filters.py::test_range[rule-09-a-range-of-numbers-finds-numbers-only]",
    ),
    Mutant(
        "ties",
        "maximum and minimum take the operand if it equals the stored value",
        "store/transforms.py",
        "(right_key > left_key if largest else right_key < left_key)",
        "(right_key >= left_key if largest else right_key <= left_key)",
        "conformance/test_writes.py::test_write[rule-28-maximum-keeps-the-stored-value-on-a-tie]",
    ),
    Mutant(
        "update times",
        "a write without a change sets a new update_time",
        "store/tables.py",
        "if document and not is_new and _serialise(document, state.path, state.created, state.updated) == state.data:",
        "if False:",
        "model/test_documents.py::test_a_write_that_changes_nothing_keeps_the_update_time",
    ),
    Mutant(
        "large documents",
        "a document may exceed 1 MiB",
        "model/documents.py",
        "if size_bytes > MAX_DOCUMENT_BYTES:",
        "if False:",
        "model/test_documents.py::test_a_document_over_a_mebibyte_is_refused",
    ),
    Mutant(
        "many transforms",
        "a commit may have more than 500 transforms of a document",
        "store/writes.py",
        "if state.transform_count > MAX_TRANSFORMS:",
        "if False:",
        "conformance/test_limits.py::test_client_limits[rule-32-501-transforms-of-one-document]",
    ),
    Mutant(
        "early acknowledgement",
        "a commit is acknowledged before it is written",
        "store/writer.py",
        "        await self._flush([result for _, result in applied])\n",
        "        for job, result in applied:\n"
        "            job.done.set_result(result)\n"
        "        await asyncio.sleep(0.05)\n"
        "        await self._flush([result for _, result in applied])\n",
        "store/test_crash.py::test_what_was_acknowledged_outlives_a_kill",
    ),
    Mutant(
        "no flush",
        "a commit does not wait for the disk, so a power failure loses acknowledged commits",
        "store/storage.py",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = OFF",
        "store/test_crash.py::test_a_commit_waits_for_the_disk",
    ),
    Mutant(
        "endless locks",
        "an idle transaction keeps its locks",
        "transactions/transactions.py",
        "now - transaction.used_at > IDLE_SECONDS or ",
        "",
        "store/test_expiry.py::test_an_idle_transaction_gives_back_its_locks",
    ),
    Mutant(
        "endless transaction",
        "a transaction that keeps reading never expires",
        "transactions/transactions.py",
        " or now - transaction.began_at > TOTAL_SECONDS",
        "",
        "store/test_expiry.py::test_a_transaction_ends_however_busy_it_is",
    ),
    Mutant(
        "endless history",
        "old versions are never removed",
        "store/storage.py",
        "await self.writer.prune(",
        "await asyncio.sleep(0) or (",
        "store/test_expiry.py::test_versions_are_forgotten_when_their_hour_is_over",
    ),
    Mutant(
        "unenforced indexes",
        "a query without its index runs, although an index file is given",
        "query/planner.py",
        "if config.report_missing is not None and not _is_served(",
        "if False and not _is_served(",
        "conformance/test_indexes.py::test_index_is_needed[rule-19-an-equality-with-an-order]",
    ),
]


SUBJECT = Subject("embedded/firestore", "tests/embedded/firestore", MUTANTS)

if __name__ == "__main__":
    sys.exit(SUBJECT.run(sys.argv[1:]))
