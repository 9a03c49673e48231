import { createClient } from "graphql-sse";
import { address, all } from "./following.mjs";

const client = createClient({ url: address, retryAttempts: 20 });
for (const one of all) {
  const { query, variables } = one;
  client.subscribe(
    { query, variables },
    { next: (result) => one.take(result), error: (error) => one.fail(error), complete: () => one.fail("complete") },
  );
}
