// A row's query, as rows.py's Find says it.
import { Filter } from "@google-cloud/firestore";
import { toNative, toPath } from "./values.mjs";

const CURSORS = { start_at: "startAt", start_after: "startAfter", end_at: "endAt", end_before: "endBefore" };
const COUNTS = { offset: "offset", limit: "limit", limit_to_last: "limitToLast" };

function toFilter(filter, db) {
  if (filter.and) return Filter.and(...filter.and.map((each) => toFilter(each, db)));
  if (filter.or) return Filter.or(...filter.or.map((each) => toFilter(each, db)));
  return Filter.where(toPath(filter.path), filter.op, toNative(filter.value, db));
}

async function toCursor(values, collection) {
  if (values.snapshot) return [await collection.doc(values.snapshot).get()];
  return values.map((value) => toNative(value, collection.firestore));
}

export async function buildQuery(db, collectionId, find) {
  const collection = db.collection(collectionId);
  let query = find.group ? db.collectionGroup(collectionId) : collection;
  if (find.where) query = query.where(toFilter(find.where, db));
  for (const [path, direction] of find.order_by) query = query.orderBy(toPath(path), direction);
  for (const [key, method] of Object.entries(CURSORS)) {
    if (find[key]) query = query[method](...(await toCursor(find[key], collection)));
  }
  for (const [key, method] of Object.entries(COUNTS)) {
    if (find[key] !== null) query = query[method](find[key]);
  }
  return query;
}
