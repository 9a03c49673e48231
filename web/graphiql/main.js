// The page at GET /graphql: GraphiQL over the same address, with a tab for each job.
"use strict";

const h = React.createElement;
const TABS = ["wall", "video", "writes", "upload", "live", "errors"];

/** The same fetcher, whose streams are lists of events. */
function withEventLists(fetcher) {
  return async (...request) => {
    const answer = await fetcher(...request);
    return Symbol.asyncIterator in Object(answer) ? listEvents(answer) : answer;
  };
}

function Logo() {
  const icon = h("img", { src: "graphql/assets/icon.svg", alt: "" });
  return h("span", { className: "brand" }, icon, "clipgraph");
}

async function start() {
  const examples = TABS.map(async (name) => (await fetch(`graphql/assets/${name}.graphql`)).text());
  const queries = await Promise.all(examples);
  const fetcher = GraphiQL.createFetcher({
    url: location.pathname,
    subscriptionUrl: location.origin.replace(/^http/, "ws") + location.pathname,
    // Without @defer and @stream, which the API does not have, each answer is one object.
    enableIncrementalDelivery: false,
  });
  const explorer = h(
    GraphiQL,
    {
      fetcher: withEventLists(fetcher),
      defaultQuery: queries[0],
      defaultTabs: queries.map((query) => ({ query })),
      shouldPersistHeaders: false, // a token typed here is gone with the page
      showPersistHeadersSettings: false,
    },
    h(GraphiQL.Logo, null, h(Logo)),
    h(GraphiQL.Footer, null, h(FoldButton)),
  );
  followAnswer();
  ReactDOM.createRoot(document.getElementById("graphiql")).render(explorer);
}

start();
