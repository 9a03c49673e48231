import { ApolloClient, ApolloLink, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { address, all } from "./following.mjs";

const socket = createClient({ url: address.replace("http", "ws"), webSocketImpl: WebSocket, retryAttempts: 20 });
// Apollo copies variables: put ours back, which say from where to go on each time that they are sent.
const resume = new ApolloLink((operation, forward) => {
  operation.variables = operation.getContext().variables;
  return forward(operation);
});
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.from([resume, new GraphQLWsLink(socket)]),
});
for (const one of all) {
  client.subscribe({ query: gql(one.query), context: { variables: one.variables } }).subscribe({
    next: ({ data, error }) => (error ? one.fail(error) : one.take({ data })),
    error: (error) => one.fail(error),
    complete: () => one.fail("complete"),
  });
}
