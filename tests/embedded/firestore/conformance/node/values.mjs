// Values as Firestore's own JSON has them ({"integerValue": "3"}), and transforms beside them, as the client takes them.
import { FieldPath, FieldValue, GeoPoint, Timestamp } from "@google-cloud/firestore";

const MAKERS = {
  nullValue: () => null,
  booleanValue: (value) => value,
  stringValue: (value) => value,
  integerValue: (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : BigInt(value)),
  doubleValue: (value) => Number(value),
  timestampValue: (value) => toTimestamp(value),
  bytesValue: (value) => Buffer.from(value, "base64"),
  geoPointValue: ({ latitude = 0, longitude = 0 }) => new GeoPoint(latitude, longitude),
  referenceValue: (name, db) => db.doc(name.replace(/^.*?\/documents\//, "")),
  arrayValue: ({ values = [] }, db) => values.map((value) => toNative(value, db)),
  mapValue: ({ fields = {} }, db) => toFields(fields, db),
  serverTimestamp: () => FieldValue.serverTimestamp(),
  delete: () => FieldValue.delete(),
  increment: (value, db) => FieldValue.increment(toNative(value, db)),
  maximum: (value, db) => FieldValue.maximum(toNative(value, db)),
  minimum: (value, db) => FieldValue.minimum(toNative(value, db)),
  arrayUnion: (values, db) => FieldValue.arrayUnion(...values.map((value) => toNative(value, db))),
  arrayRemove: (values, db) => FieldValue.arrayRemove(...values.map((value) => toNative(value, db))),
};

// A Date has milliseconds; Firestore has microseconds.
function toTimestamp(text) {
  const [, seconds, fraction = ""] = /^(.*?)(?:\.(\d+))?Z$/.exec(text);
  return new Timestamp(Date.parse(`${seconds}Z`) / 1000, Number(fraction.padEnd(9, "0")));
}

export function toNative(value, db) {
  const [[type, content]] = Object.entries(value);
  return MAKERS[type](content, db);
}

export function toFields(fields, db) {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, toNative(value, db)]));
}

export function toPath(segments) {
  return segments[0] === "__name__" ? FieldPath.documentId() : new FieldPath(...segments);
}
