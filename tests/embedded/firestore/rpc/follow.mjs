// Node's client listens to a collection, a query, a page and a document, and prints each snapshot as a line of JSON:
// [the target's name, {id: number}]. It ends when its input does.
import { Firestore } from "@google-cloud/firestore";

const collection = new Firestore({ projectId: process.env.GOOGLE_CLOUD_PROJECT }).collection("c");
const targets = {
  everything: collection,
  even: collection.where("even", "==", true),
  latest: collection.orderBy("n", "desc").limit(10),
  one: collection.doc("d07"),
};

const numbers = (documents) => Object.fromEntries(documents.map((document) => [document.id, document.get("n")]));
for (const [name, target] of Object.entries(targets)) {
  target.onSnapshot(
    (snapshot) => {
      const documents = snapshot.docs ?? (snapshot.exists ? [snapshot] : []);
      console.log(JSON.stringify([name, numbers(documents)]));
    },
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}
process.stdin.resume().on("end", () => process.exit(0));
