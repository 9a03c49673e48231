// Runs the snippets of docs/frontend.md for the tests: each function is a thing that a page does, and answers what it sees.
import { gql } from "@apollo/client";
import { commitMutation, createOperationDescriptor, fetchQuery, getRequest, requestSubscription } from "relay-runtime";
import * as apollo from "./apollo.js";
import * as api from "./api.js";
import { CLIPS, DELETE_CLIP, VIDEO } from "./documents.js";
import { stream } from "./events.js";
import * as gallery from "./gallery.js";
import { ClipsDocument, DeleteClipDocument, VideoDocument } from "./gql/graphql.js";
import { socket, subscribe } from "./live.js";
import * as snippets from "./main.js";
import { keepPlaying } from "./playback.js";
import * as relay from "./relay.js";
import * as uploads from "./upload.js";
import * as urql from "./urql.js";

globalThis.snippets = snippets;

const seen = { socket: [], stream: [], apollo: null, urql: null, relay: null, asked: [], problems: [] };
const noteProblem = (error) => seen.problems.push(String(error?.message ?? JSON.stringify(error)));
const show = ({ video }) => ({
  count: video.clipsCount,
  clips: (video.clips.edges ?? []).filter((edge) => edge?.node).map(({ node }) => node.id),
  next: video.clips.pageInfo?.hasNextPage ? video.clips.pageInfo.endCursor : null,
});

export const getSeen = () => seen;
/** What was seen, in numbers. */
export const summarize = () => Object.entries(seen).map(([name, it]) => [name, it?.count, (it?.clips ?? it)?.length]);
export const ask = (query, variables) => api.send({ query, variables });

/** Follows a video's clips over both transports, from the version of a query on. */
export async function follow(videoId) {
  const { video } = await ask(VIDEO, { videoId });
  for (const [name, client] of Object.entries({ socket, stream })) {
    const take = ({ data, errors }) => (errors ? noteProblem(errors[0]) : seen[name].push(data.clipEvents));
    const sink = { next: take, error: noteProblem, complete: () => {} };
    subscribe({ query: CLIPS, variables: { videoId, after: video.version } }, sink, client);
  }
  return video;
}

/** Follows a video's clips over the socket, which is the first to need a token. */
export function followFirst(videoId) {
  const next = ({ data }) => seen.socket.push(data.clipEvents);
  subscribe({ query: CLIPS, variables: { videoId } }, { next, error: noteProblem, complete: () => {} });
}

/** Shows a clip's thumbnail from Apollo's cache, which live events keep true. */
export async function showPicture(videoId) {
  const client = apollo.makeClient();
  const { data } = await client.query({ query: gql(VIDEO), variables: { videoId } });
  const picture = document.createElement("img");
  document.getElementById("stage").replaceChildren(picture);
  client.watchQuery({ query: gql(VIDEO), variables: { videoId } }).subscribe(({ data }) => {
    const url = data?.video?.clips.edges[0].node.thumbnailUrl;
    if (url && picture.src !== url) picture.src = url;
  });
  const variables = { videoId, after: data.video.version };
  client.subscribe({ query: gql(CLIPS), variables }).subscribe({ error: noteProblem });
}

export async function getPictureWidth() {
  const picture = document.querySelector("#stage img");
  await picture.decode().catch(() => {});
  return picture.naturalWidth;
}

const deletions = {};
export const deleteBy = (library, clipId) => deletions[library](clipId);

/** Shows a video's clips in each library, with all pages, and follows it. */
export async function openLibraries(videoId) {
  await Promise.all([openApollo(videoId), openUrql(videoId), openRelay(videoId)]);
}

async function openApollo(videoId) {
  const client = apollo.makeClient();
  const first = (await client.query({ query: gql(VIDEO), variables: { videoId } })).data;
  const list = client.watchQuery({ query: gql(VIDEO), variables: { videoId } });
  list.subscribe(({ data }) => data?.video && (seen.apollo = show(data)));
  await list.fetchMore({ variables: { after: first.video.clips.pageInfo.endCursor } });
  client.subscribe({ query: gql(CLIPS), variables: { videoId, after: first.video.version } }).subscribe({
    next: ({ data, error }) => (error ? noteProblem(error) : apollo.evict(client.cache, data.clipEvents.deletedId)),
    error: noteProblem,
  });
  deletions.apollo = (clipId) =>
    client.mutate({
      mutation: gql(DELETE_CLIP),
      variables: { input: { videoId, clipId } },
      update: (cache, { data }) => apollo.evict(cache, data.deleteClip.deletedClipId),
    });
}

async function openUrql(videoId) {
  const client = urql.makeClient();
  const first = (await client.query(VIDEO, { videoId }).toPromise()).data;
  const { endCursor } = first.video.clips.pageInfo;
  client.query(VIDEO, { videoId, after: endCursor }).subscribe(({ data, error }) => {
    if (error) noteProblem(error);
    else if (data?.video) seen.urql = show(data);
  });
  client.subscription(CLIPS, { videoId, after: first.video.version }).subscribe(({ error }) => error && noteProblem(error));
  deletions.urql = (clipId) => client.mutation(DELETE_CLIP, { input: { videoId, clipId } }).toPromise();
}

async function openRelay(videoId) {
  const environment = relay.makeEnvironment();
  const first = await fetchQuery(environment, gallery.Video, { videoId }).toPromise();
  const operation = createOperationDescriptor(getRequest(gallery.Video), { videoId });
  environment.retain(operation);
  const read = () => environment.lookup(operation.fragment);
  const look = () => (seen.relay = show(read().data));
  environment.subscribe(read(), look);
  const lists = [first.video.clips.__id];
  await fetchQuery(environment, gallery.Video, { videoId, after: read().data.video.clips.pageInfo.endCursor }).toPromise();
  look();
  environment.subscribe(read(), look);
  const variables = { videoId, after: first.video.version };
  const updater = relay.addTo(lists[0]);
  requestSubscription(environment, { subscription: gallery.Clips, variables, updater, onError: noteProblem });
  deletions.relay = (clipId) =>
    new Promise((onCompleted, onError) =>
      commitMutation(environment, {
        mutation: gallery.DeleteClip,
        variables: { input: { videoId, clipId }, lists },
        onCompleted,
        onError,
      }));
}

/** Shows a video's clips, and follows it, in each library by documents that are sent by their ids. */
export async function openById(videoId) {
  await Promise.all([openApolloById(videoId), openUrqlById(videoId), openRelay(videoId)]);
}

async function openApolloById(videoId) {
  const client = apollo.makeClient();
  const options = { query: VideoDocument, variables: { videoId } };
  const { data } = await client.query(options);
  client.watchQuery(options).subscribe(({ data }) => data?.video && (seen.apollo = show(data)));
  const live = { query: ClipsDocument, variables: { videoId, after: data.video.version } };
  client.subscribe(live).subscribe({
    next: ({ data, error }) => (error ? noteProblem(error) : apollo.evict(client.cache, data.clipEvents.deletedId)),
    error: noteProblem,
  });
  deletions.apollo = (clipId) =>
    client.mutate({
      mutation: DeleteClipDocument,
      variables: { input: { videoId, clipId } },
      update: (cache, { data }) => apollo.evict(cache, data.deleteClip.deletedClipId),
    });
}

async function openUrqlById(videoId) {
  const client = urql.makeClient();
  const { data } = await client.query(VideoDocument, { videoId }).toPromise();
  client.query(VideoDocument, { videoId }).subscribe(({ data, error }) => {
    if (error) noteProblem(error);
    else if (data?.video) seen.urql = show(data);
  });
  const live = client.subscription(ClipsDocument, { videoId, after: data.video.version });
  live.subscribe(({ error }) => error && noteProblem(error));
  deletions.urql = (clipId) => client.mutation(DeleteClipDocument, { input: { videoId, clipId } }).toPromise();
}

/** The titles of each video's highlights, as a cache has them after all were asked for. */
export async function readHighlights(videoIds) {
  const text = "query ($videoId: ID!) { video(videoId: $videoId) { id highlights { sceneId title } } }";
  const [apolloClient, urqlClient] = [apollo.makeClient(), urql.makeClient()];
  const titles = { apollo: [], urql: [] };
  const take = (video) => video.highlights.map(({ title }) => title);
  for (const videoId of videoIds) {
    await apolloClient.query({ query: gql(text), variables: { videoId } });
    await urqlClient.query(text, { videoId }).toPromise();
  }
  for (const videoId of videoIds) {
    titles.apollo.push(take(apolloClient.readQuery({ query: gql(text), variables: { videoId } }).video));
    const cached = await urqlClient.query(text, { videoId }, { requestPolicy: "cache-only" }).toPromise();
    titles.urql.push(take(cached.data.video));
  }
  return titles;
}

/** The status of an answer to a request that a library sends: an answer that the page may read. */
export async function getStatus(query, method, headers) {
  const body = method === "POST" ? JSON.stringify({ query }) : undefined;
  const url = method === "POST" ? api.API : `${api.API}?query=${encodeURIComponent(query)}`;
  return (await api.fetchWithToken(url, { method, headers, body })).status;
}

/** Uploads a file of this page's own server; answers each progress. */
export async function uploadFile(videoId, path, filename, type, partSizeBytes) {
  const file = new File([await (await fetch(path)).blob()], filename, { type });
  const progress = [];
  const note = (bytes) => progress.push(bytes);
  if (partSizeBytes) await uploads.uploadInParts(videoId, file, note, partSizeBytes);
  else await uploads.upload(videoId, file, note);
  return progress;
}

/** A player, muted so that the browser lets it start, with an address that is asked again for longer, twice. */
export async function play(url, videoId, expiresIn, urlsExpireAt, startSeconds) {
  const video = Object.assign(document.createElement("video"), { muted: true, src: url, currentTime: startSeconds });
  document.getElementById("stage").replaceChildren(video);
  const document_ = `query ($videoId: ID!, $expiresIn: Int!) {
    video(videoId: $videoId) { clips(first: 1) { nodes { url(expiresIn: $expiresIn) urlsExpireAt } } } }`;
  keepPlaying(video, { urlsExpireAt }, async () => {
    seen.asked.push(video.currentTime);
    if (seen.asked.length === 1) throw new Error("The network is not there yet.");
    const answer = await ask(document_, { videoId, expiresIn });
    return answer.video.clips.nodes[0];
  });
  video.play().catch(() => {});
}

export function getPlayer() {
  const { src, currentTime, paused, error } = document.querySelector("#stage video");
  return { src, currentTime, paused, hasError: error !== null };
}
