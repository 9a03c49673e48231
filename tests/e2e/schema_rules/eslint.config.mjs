// All rules of @graphql-eslint for schemas; a rule that is off, or has an exception, has its reason beside it.
import plugin from "@graphql-eslint/eslint-plugin";

const { "flat/schema-recommended": recommended, "flat/schema-all": all, "flat/schema-relay": relay } = plugin.configs;

const STRICTER = {
  "@graphql-eslint/naming-convention": [
    "error",
    // Its recommended options, and an input's name ends with Input, a payload's with Success, a page's as Relay has it.
    {
      ...recommended.rules["@graphql-eslint/naming-convention"][1],
      InputObjectTypeDefinition: { style: "PascalCase", requiredSuffixes: ["Input"] },
      ScalarTypeDefinition: { style: "PascalCase" },
    },
  ],
  // Of a node and of nothing else: `exceptions` are values, which have no identity of their own, and so no place in a
  // client's cache but below the object that has them.
  "@graphql-eslint/strict-id-in-types": [
    "error",
    {
      acceptedIdNames: ["id"],
      acceptedIdTypes: ["ID"],
      exceptions: {
        // Payloads, parts of a page, what a subscription tells, and refusals.
        suffixes: ["Success", "Outcome", "Connection", "Edge", "PageInfo", "Event", "NotFound", "AlreadyExists"],
        types: [
          "FileMissing",
          "InvalidInput",
          "InvalidStatusChange",
          // Values of a video: a highlight's `sceneId` is unique within its video only.
          "Highlight",
          "HighlightsSummary",
          "StyleCount",
          // Signed for one caller and one moment.
          "UploadHeader",
          "UploadPartUrl",
          "UploadUrl",
          // The caller of the request: there is one in each answer.
          "Viewer",
        ],
      },
    },
  ],
  "@graphql-eslint/relay-edge-types": [
    "error",
    {
      withEdgeSuffix: true,
      shouldImplementNode: true,
      // Connections have `nodes` beside `edges`, and payloads and inputs have plain lists, which are bounded.
      listTypeCanWrapOnlyEdgeType: false,
    },
  ],
};

const OFF = {
  // Fields stand in the order in which a reader needs them, ids first; names are found by search.
  "@graphql-eslint/alphabetize": "off",
  // It is for APIs that only read.
  "@graphql-eslint/no-root-type": "off",
  // `videoId` and `clipId` are the names in keys and documents, beside the global `id`; `videoUrl` is the source's address.
  "@graphql-eslint/no-typename-prefix": "off",
  // A deprecated field goes with a version, whose date nobody knows yet.
  "@graphql-eslint/require-deprecation-date": "off",
  // The caller and lists are never missing: a null would be one more case for each client. That mutations are nullable,
  // so that one failure erases no sibling's success, tests/gql/test_schema.py holds.
  "@graphql-eslint/require-nullable-result-in-root": "off",
};

export default [
  {
    files: ["schema.graphql"],
    languageOptions: { parser: plugin.parser, parserOptions: { graphQLConfig: { schema: "schema.graphql" } } },
    plugins: { "@graphql-eslint": plugin },
    rules: { ...recommended.rules, ...all.rules, ...relay.rules, ...STRICTER, ...OFF },
  },
];
