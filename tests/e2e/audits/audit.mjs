// Runs graphql-http's server audits against the address in argv and prints a line of JSON for each.
import { serverAudits } from "graphql-http";

const url = process.argv[2];
// Queries by GET need a header that a page of another origin cannot send unasked; the audits know nothing of it.
const fetchFn = (address, init = {}) =>
  fetch(address, { ...init, headers: { ...init.headers, "GraphQL-Require-Preflight": "1" } });

for (const audit of serverAudits({ url, fetchFn })) {
  const { status, reason } = await audit.fn();
  console.log(JSON.stringify({ id: audit.id, name: audit.name, status, reason: reason ?? null }));
}
