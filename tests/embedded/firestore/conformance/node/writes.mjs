// A row's writes, as rows.py's Create, Set, Update and Delete say them.
import { toFields, toNative, toPath } from "./values.mjs";

export function addWrite(db, batch, collectionId, write) {
  const ref = db.doc(`${collectionId}/${write.path}`);
  switch (write.kind) {
    case "create":
      return batch.create(ref, toFields(write.fields, db));
    case "set":
      return batch.set(ref, toFields(write.fields, db), toOptions(write.merge));
    case "update":
      return batch.update(ref, ...write.changes.flatMap(([path, value]) => [toPath(path), toNative(value, db)]));
    default:
      return batch.delete(ref, write.exists === null ? {} : { exists: write.exists });
  }
}

function toOptions(merge) {
  return Array.isArray(merge) ? { mergeFields: merge.map(toPath) } : { merge };
}
