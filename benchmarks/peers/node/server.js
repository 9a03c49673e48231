// The same API in Node as its own guides say: Apollo Server, Firestore's client, dataloader, the AWS SDK's presigner.
import { randomUUID } from "node:crypto";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { FieldValue, Firestore } from "@google-cloud/firestore";
import DataLoader from "dataloader";

const VIDEOS_A_QUERY = 30; // Firestore's limit for `in`
const firestore = new Firestore();
const bucket = process.env.CLIPGRAPH_R2_BUCKET;
const s3 = new S3Client({
  region: "auto",
  endpoint: process.env.CLIPGRAPH_R2_ENDPOINT_URL,
  forcePathStyle: true,
  credentials: {
    accessKeyId: process.env.CLIPGRAPH_R2_ACCESS_KEY_ID,
    secretAccessKey: process.env.CLIPGRAPH_R2_SECRET_ACCESS_KEY,
  },
});

const typeDefs = `#graphql
  enum Status { PROCESSING COMPLETED FAILED }
  type Clip {
    id: ID! clipId: ID! sceneId: Int! title: String! description: String style: String! priority: Int!
    startTime: String! endTime: String! durationSeconds: Float! fileSizeBytes: Float! status: Status!
    createdAt: String! url: String thumbnailUrl: String
  }
  type ClipConnection { nodes: [Clip!]! }
  type Video {
    id: ID! videoId: ID! title: String! videoUrl: String! youtubeId: String status: Status! createdAt: String!
    clipsCount: Int! clips(style: String, first: Int = 100): ClipConnection!
  }
  type VideoConnection { nodes: [Video!]! }
  type Query {
    videos(userId: ID!, first: Int = 20): VideoConnection!
    video(userId: ID!, videoId: ID!): Video
  }
  input CreateClipInput {
    filename: String! sceneId: Int! title: String! style: String! priority: Int! startTime: String! endTime: String!
  }
  input CreateClipsInput { videoId: ID! userId: ID! clips: [CreateClipInput!]! }
  type CreateClipOutcome { clip: Clip! created: Boolean! }
  type CreateClipsSuccess { results: [CreateClipOutcome!]! video: Video! }
  type VideoNotFound { message: String! }
  union CreateClipsResult = CreateClipsSuccess | VideoNotFound
  type Mutation { createClips(input: CreateClipsInput!): CreateClipsResult }
`;

const toGlobalId = (kind, ...path) => Buffer.from(`${kind}:${path.join("/")}`).toString("base64");
const toTime = (timestamp) => timestamp.toDate().toISOString();
const presign = (key) => getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key: key }), { expiresIn: 3600 });
const findVideo = (userId, videoId) => firestore.doc(`users/${userId}/videos/${videoId}`);

// Map.groupBy, which Node 20 does not have.
function groupBy(items, toKey) {
  const groups = new Map();
  for (const item of items) {
    const key = toKey(item);
    if (groups.has(key)) groups.get(key).push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

// The clips of all videos that are asked for in one tick, in as few queries as can be.
async function loadClips(keys) {
  const groups = groupBy(keys, ({ userId, style }) => JSON.stringify([userId, style]));
  const found = new Map();
  await Promise.all([...groups.values()].flatMap((group) => {
    const chunks = [];
    for (let at = 0; at < group.length; at += VIDEOS_A_QUERY) chunks.push(group.slice(at, at + VIDEOS_A_QUERY));
    return chunks.map(async (chunk) => {
      const { userId, style } = chunk[0];
      let query = firestore.collectionGroup("clips").where("user_id", "==", userId).where("status", "==", "completed");
      if (style != null) query = query.where("style", "==", style);
      const snapshot = await query.where("video_id", "in", chunk.map(({ videoId }) => videoId)).get();
      const byVideo = groupBy(snapshot.docs.map((document) => document.data()), (clip) => clip.video_id);
      for (const key of chunk) found.set(key, byVideo.get(key.videoId) ?? []);
    });
  }));
  return keys.map((key) => {
    const order = (a, b) => a.priority - b.priority || (a.clip_id < b.clip_id ? -1 : 1);
    return found.get(key).sort(order).slice(0, key.first);
  });
}

const toSeconds = (timecode) => timecode.split(":").reduce((seconds, part) => seconds * 60 + Number(part), 0);

function toClip(userId, videoId, input) {
  return {
    user_id: userId,
    video_id: videoId,
    clip_id: input.filename.replace(/\.mp4$/, ""),
    filename: input.filename,
    scene_id: input.sceneId,
    scene_title: input.title,
    scene_description: null,
    style: input.style,
    priority: input.priority,
    start_time: input.startTime,
    end_time: input.endTime,
    duration_seconds: toSeconds(input.endTime) - toSeconds(input.startTime),
    file_size_bytes: 0,
    has_thumbnail: false,
    r2_key: `${userId}/${videoId}/clips/${input.filename}`,
    thumbnail_r2_key: null,
    status: "processing",
    created_at: new Date(),
    created_by: userId,
  };
}

async function createClips(_, { input: { userId, videoId, clips: inputs } }) {
  const clips = inputs.map((input) => toClip(userId, videoId, input));
  const video = findVideo(userId, videoId);
  const references = clips.map((clip) => video.collection("clips").doc(clip.clip_id));
  const created = await firestore.runTransaction(async (transaction) => {
    const [found, ...stored] = await transaction.getAll(video, ...references);
    if (!found.exists) return null;
    const isNew = stored.map((document) => !document.exists);
    const counts = {};
    clips.forEach((clip, at) => {
      if (!isNew[at]) return;
      transaction.create(references[at], clip);
      if (clip.status === "completed") counts[clip.style] = (counts[clip.style] ?? 0) + 1;
    });
    const changes = { updated_at: new Date() };
    for (const [style, count] of Object.entries(counts)) changes[`clips_by_style.${style}`] = FieldValue.increment(count);
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    if (total > 0) changes.clips_count = FieldValue.increment(total);
    transaction.update(video, changes);
    return isNew;
  });
  if (created === null) return { __typename: "VideoNotFound", message: "The video does not exist." };
  const results = clips.map((clip, at) => ({ clip, created: created[at] }));
  return { __typename: "CreateClipsSuccess", results, video: (await video.get()).data() };
}

const resolvers = {
  Query: {
    videos: async (_, { userId, first }) => {
      const videos = firestore.collection(`users/${userId}/videos`);
      const snapshot = await videos.orderBy("created_at", "desc").limit(first).get();
      return { nodes: snapshot.docs.map((document) => document.data()) };
    },
    video: async (_, { userId, videoId }) => (await findVideo(userId, videoId).get()).data(),
  },
  Mutation: { createClips },
  Video: {
    id: (video) => toGlobalId("Video", video.user_id, video.video_id),
    videoId: (video) => video.video_id,
    title: (video) => video.video_title,
    videoUrl: (video) => video.video_url,
    youtubeId: (video) => video.youtube_id,
    status: (video) => video.status.toUpperCase(),
    createdAt: (video) => toTime(video.created_at),
    clipsCount: (video) => video.clips_count,
    clips: async (video, { style, first }, { clips }) => ({
      nodes: await clips.load({ userId: video.user_id, videoId: video.video_id, style, first }),
    }),
  },
  Clip: {
    id: (clip) => toGlobalId("Clip", clip.user_id, clip.video_id, clip.clip_id),
    clipId: (clip) => clip.clip_id,
    sceneId: (clip) => clip.scene_id,
    title: (clip) => clip.scene_title,
    description: (clip) => clip.scene_description,
    startTime: (clip) => clip.start_time,
    endTime: (clip) => clip.end_time,
    durationSeconds: (clip) => clip.duration_seconds,
    fileSizeBytes: (clip) => clip.file_size_bytes,
    status: (clip) => clip.status.toUpperCase(),
    createdAt: (clip) => toTime(clip.created_at),
    url: (clip) => presign(clip.r2_key),
    thumbnailUrl: (clip) => clip.thumbnail_r2_key && presign(clip.thumbnail_r2_key),
  },
};

const server = new ApolloServer({ typeDefs, resolvers });
const { url } = await startStandaloneServer(server, {
  listen: { host: "127.0.0.1", port: 0 },
  context: async () => ({ requestId: randomUUID(), clips: new DataLoader(loadClips) }),
});
console.log(`listens at ${url}`);
