import { Client, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { address, all } from "./following.mjs";

const socket = createClient({ url: address.replace("http", "ws"), webSocketImpl: WebSocket, retryAttempts: 20 });
const client = new Client({
  url: address,
  exchanges: [
    subscriptionExchange({
      // urql copies variables: ours say from where to go on each time that they are sent.
      forwardSubscription: ({ query }, { context }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables: context.resumeBy }, sink) }),
      }),
    }),
  ],
});
for (const one of all) {
  client.subscription(one.query, {}, { resumeBy: one.variables }).subscribe(({ data, error }) => {
    if (error) one.fail(error);
    else one.take({ data });
  });
}
