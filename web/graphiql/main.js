// The page at GET /graphql: GraphiQL over the same address, and below it the thumbnails of the last answer.
"use strict";

const h = React.createElement;
const strip = document.getElementById("strip");

/** Every object in the answer that has a thumbnail, in the answer's order. */
function collectClips(value) {
  if (value === null || typeof value !== "object") return [];
  const below = Object.values(value).flatMap(collectClips);
  return typeof value.thumbnailUrl === "string" ? [value, ...below] : below;
}

function drawClip({ thumbnailUrl, title, url }) {
  const picture = document.createElement("img");
  Object.assign(picture, { src: thumbnailUrl, alt: title ?? "", title: title ?? "", loading: "lazy" });
  const link = document.createElement("a");
  Object.assign(link, { href: url ?? thumbnailUrl, target: "_blank", rel: "noreferrer" });
  link.append(picture);
  return link;
}

function showClips(answer) {
  const clips = collectClips(answer?.data);
  strip.replaceChildren(...clips.map(drawClip));
  strip.hidden = clips.length === 0;
}

/** The same fetcher, which also shows the thumbnails of each plain answer; streams pass through as they are. */
function withThumbnails(fetcher) {
  return async (...request) => {
    const answer = await fetcher(...request);
    const isStream = Symbol.asyncIterator in Object(answer);
    if (!isStream && request[0].operationName !== "IntrospectionQuery") showClips(answer);
    return answer;
  };
}

function Logo() {
  const icon = h("img", { src: "graphql/assets/icon.svg", alt: "" });
  return h("span", { className: "brand" }, icon, "clipgraph");
}

async function start() {
  const examples = ["welcome", "live"].map(async (name) => (await fetch(`graphql/assets/${name}.graphql`)).text());
  const [welcome, live] = await Promise.all(examples);
  const fetcher = GraphiQL.createFetcher({
    url: location.pathname,
    subscriptionUrl: location.origin.replace(/^http/, "ws") + location.pathname,
    // Without @defer and @stream, which the API does not have, each answer is one object.
    enableIncrementalDelivery: false,
  });
  const explorer = h(
    GraphiQL,
    {
      fetcher: withThumbnails(fetcher),
      defaultQuery: welcome,
      defaultTabs: [{ query: welcome }, { query: live }],
      shouldPersistHeaders: false, // a token typed here is gone with the page
      showPersistHeadersSettings: false,
    },
    h(GraphiQL.Logo, null, h(Logo)),
  );
  ReactDOM.createRoot(document.getElementById("graphiql")).render(explorer);
}

start();
