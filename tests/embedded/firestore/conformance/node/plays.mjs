// Rows that are more than one query or one commit. Each tells what it saw.
import { AggregateField, FieldValue } from "@google-cloud/firestore";

const ids = (snapshot) => snapshot.docs.map((doc) => doc.id);

// The snapshots of a query, one by one.
function follow(query) {
  const told = [];
  const waiting = [];
  const stop = query.onSnapshot(
    (snapshot) => {
      const changes = snapshot.docChanges().map((change) => `${change.type} ${change.doc.id}`);
      const next = [ids(snapshot), changes];
      waiting.length ? waiting.shift().resolve(next) : told.push(next);
    },
    (error) => waiting.forEach(({ reject }) => reject(error)),
  );
  const next = () =>
    told.length ? Promise.resolve(told.shift()) : new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  return { next, stop };
}

export const plays = {
  async increments(db, collection) {
    const ref = collection.doc("doc");
    const increment = () =>
      db.runTransaction(async (transaction) => {
        const n = (await transaction.get(ref)).get("n") ?? 0;
        transaction.set(ref, { n: n + 1 });
      });
    const work = async () => {
      for (let n = 0; n < 3; n++) await increment();
    };
    await Promise.all(Array.from({ length: 5 }, work));
    return (await ref.get()).data();
  },

  async queryInTransaction(db, collection) {
    await db.runTransaction(async (transaction) => {
      const found = await transaction.get(collection.where("n", ">", 1));
      transaction.create(collection.doc("total"), { count: found.size });
    });
    return (await collection.doc("total").get()).data();
  },

  async readOnly(db, collection) {
    return db.runTransaction(
      async (transaction) => {
        const first = (await transaction.get(collection.doc("a"))).get("n");
        await collection.doc("a").update({ n: FieldValue.increment(1) });
        return [first, (await transaction.get(collection.doc("a"))).get("n")];
      },
      { readOnly: true },
    );
  },

  async aggregates(db, collection) {
    const query = collection.where("n", ">", 1);
    const { all, total, mean } = (
      await query
        .aggregate({ all: AggregateField.count(), total: AggregateField.sum("n"), mean: AggregateField.average("n") })
        .get()
    ).data();
    return [all, total, mean];
  },

  async getAll(db, collection) {
    const snapshots = await db.getAll(...["gone", "b", "a", "b"].map((id) => collection.doc(id)));
    return snapshots.map((snapshot) => [snapshot.id, snapshot.exists]);
  },

  async listDocuments(db, collection) {
    return (await collection.listDocuments()).map((ref) => ref.id);
  },

  async recursiveDelete(db, collection) {
    await db.recursiveDelete(collection.doc("top"));
    return ids(await collection.get());
  },

  async bulkWriter(db, collection) {
    const writer = db.bulkWriter();
    const refused = [];
    writer.onWriteError((error) => {
      refused.push([error.documentRef.id, error.code]);
      return false;
    });
    for (let n = 0; n < 30; n++) writer.set(collection.doc(`d${n}`), { n });
    writer.update(collection.doc("gone"), { n: 1 }).catch(() => {});
    await writer.close();
    return [(await collection.count().get()).data().count, refused];
  },

  async listen(db, collection) {
    const { next, stop } = follow(collection.where("n", ">", 1).orderBy("n"));
    const told = [await next()];
    await collection.doc("c").set({ n: 2.5 });
    told.push(await next());
    await collection.doc("a").update({ n: 9 });
    told.push(await next());
    await collection.doc("b").delete();
    told.push(await next());
    await collection.doc("c").update({ n: 0 });
    told.push(await next());
    stop();
    return told;
  },

  async listenToCommits(db, collection) {
    const { next, stop } = follow(collection);
    const told = [await next()];
    const batch = db.batch();
    for (const id of ["a", "b", "c"]) batch.set(collection.doc(id), { n: 1 });
    await batch.commit();
    told.push(await next());
    stop();
    return told;
  },
};
