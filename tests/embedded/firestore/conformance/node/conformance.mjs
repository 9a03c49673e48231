// Runs rows through Node's client: JSON rows on stdin, one JSON object with the answer of each row on stdout.
// What is given is written, and what comes back is judged, on Python's side.
import { Firestore } from "@google-cloud/firestore";
import { plays } from "./plays.mjs";
import { buildQuery } from "./queries.mjs";
import { addWrite } from "./writes.mjs";

const ROWS_AT_ONCE = 32; // a refused query takes 7 s, because the client tries it three times before it says so
const ROW_LIMIT_MS = 30_000; // the client retries some errors for ever, and one such row must not hide the others

async function runQuery(db, row) {
  const query = await buildQuery(db, row.collection, row.find);
  return { ids: (await query.get()).docs.map((doc) => doc.id) };
}

async function runWrites(db, row) {
  const batch = db.batch();
  for (const write of row.writes) addWrite(db, batch, row.collection, write);
  await batch.commit();
  return { committed: true };
}

async function run(db, row) {
  if (row.find) return runQuery(db, row);
  if (row.writes) return runWrites(db, row);
  return { told: await plays[row.play](db, db.collection(row.collection)) };
}

function limit() {
  return new Promise((_, reject) => setTimeout(() => reject(new Error("no answer in time")), ROW_LIMIT_MS).unref());
}

async function answer(db, row) {
  try {
    return await Promise.race([run(db, row), limit()]);
  } catch (error) {
    return { code: error.code ?? null, message: error.message };
  }
}

const db = new Firestore({ projectId: process.env.GOOGLE_CLOUD_PROJECT });
const rows = JSON.parse(await new Response(process.stdin).text());
const answers = {};
const waiting = [...rows];
const workers = Array.from({ length: ROWS_AT_ONCE }, async () => {
  for (let row = waiting.shift(); row; row = waiting.shift()) answers[row.id] = await answer(db, row);
});
await Promise.all(workers);
process.stdout.write(JSON.stringify(answers), () => process.exit());
