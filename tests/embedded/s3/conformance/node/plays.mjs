// What AWS's SDK for JavaScript sees of a server, as one JSON object on stdout: each play with what it tells.
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetBucketCorsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const { ENDPOINT: endpoint, BUCKET: Bucket, KEY_ID: accessKeyId, SECRET: secretAccessKey } = process.env;
const options = {
  endpoint,
  region: "auto",
  credentials: { accessKeyId, secretAccessKey },
  forcePathStyle: true,
  maxAttempts: 1,
};
const client = new S3Client(options);
// By itself the SDK signs the checksum of an empty body into the URL of a PUT.
const signer = new S3Client({ ...options, requestChecksumCalculation: "WHEN_REQUIRED" });

const send = (Command, input) => client.send(new Command({ Bucket, ...input }));
const md5 = (bytes) => createHash("md5").update(bytes).digest("hex");

async function refusal(promise) {
  try {
    return ["accepted", await promise];
  } catch (error) {
    return [error.name, error.$metadata?.httpStatusCode];
  }
}

const plays = {
  async put() {
    await send(PutObjectCommand, { Key: "a", Body: "text", ContentType: "text/plain", Metadata: { k: "v" } });
    const found = await send(GetObjectCommand, { Key: "a" });
    return [await found.Body.transformToString(), found.ContentType, found.Metadata, found.ETag];
  },

  async stream() {
    const bytes = randomBytes(300_000);
    const chunks = [bytes.subarray(0, 7), bytes.subarray(7)];
    await send(PutObjectCommand, { Key: "stream", Body: Readable.from(chunks), ContentLength: bytes.length });
    const found = await send(GetObjectCommand, { Key: "stream" });
    return Buffer.compare(Buffer.from(await found.Body.transformToByteArray()), bytes);
  },

  async libStorage() {
    const bytes = randomBytes(30_000_000);
    const upload = new Upload({
      client,
      params: { Bucket, Key: "large", Body: Readable.from([bytes.subarray(0, 99), bytes.subarray(99)]) },
      queueSize: 3,
    });
    const done = await upload.done();
    const found = await send(GetObjectCommand, { Key: "large" });
    const back = Buffer.from(await found.Body.transformToByteArray());
    const range = await send(GetObjectCommand, { Key: "large", Range: "bytes=5-9" });
    const part = Buffer.from(await range.Body.transformToByteArray());
    return [back.equals(bytes), part.equals(bytes.subarray(5, 10)), done.ETag.split("-")[1], range.ContentRange];
  },

  async abort() {
    const upload = new Upload({ client, params: { Bucket, Key: "aborted", Body: Readable.from([randomBytes(6_000_000)]) } });
    upload.on("httpUploadProgress", () => upload.abort());
    const name = (await refusal(upload.done()).catch((error) => [error.name]))[0];
    await new Promise((resolve) => setTimeout(resolve, 300));
    return [name, ((await send(ListMultipartUploadsCommand, { Prefix: "aborted" })).Uploads ?? []).length];
  },

  async presigned() {
    const put = await getSignedUrl(signer, new PutObjectCommand({ Bucket, Key: "p", ContentType: "text/x" }), { expiresIn: 60 });
    const sent = await fetch(put, { method: "PUT", body: "by URL", headers: { "content-type": "text/x" } });
    const get = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: "p" }), { expiresIn: 604_800 });
    const got = await fetch(get);
    const tampered = await fetch(get.replace("/p?", "/a?"));
    return [sent.status, sent.headers.get("etag"), await got.text(), got.headers.get("content-type"), tampered.status];
  },

  async presignedWithChecksum() {
    const put = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: "q" }), { expiresIn: 60 });
    const sent = await fetch(put, { method: "PUT", body: "not empty" });
    return [sent.status, /<Code>(.*)<.Code>/.exec(await sent.text())[1]];
  },

  async pages() {
    const keys = [];
    for await (const page of paginateListObjectsV2({ client, pageSize: 2 }, { Bucket, Prefix: "page/" })) {
      keys.push(...(page.Contents ?? []).map((each) => each.Key));
    }
    return keys;
  },

  async conditions() {
    const body = { Key: "once", Body: "x" };
    await send(PutObjectCommand, { ...body, IfNoneMatch: "*" });
    return [
      await refusal(send(PutObjectCommand, { ...body, IfNoneMatch: "*" })),
      await refusal(send(PutObjectCommand, { ...body, IfMatch: '"0"' })),
      (await refusal(send(GetObjectCommand, { Key: "once", IfNoneMatch: `"${md5("x")}"` })))[1],
    ];
  },

  async refusals() {
    return [
      await refusal(send(GetObjectCommand, { Key: "none" })),
      await refusal(send(HeadObjectCommand, { Key: "none" })),
      await refusal(send(PutObjectTaggingCommand, { Key: "a", Tagging: { TagSet: [] } })),
      await refusal(send(GetBucketCorsCommand, {})),
      await refusal(send(GetObjectCommand, { Bucket: "none-such", Key: "a" })),
      await refusal(send(GetObjectCommand, { Key: "a", Range: "bytes=99-" })),
    ];
  },

  async copy() {
    await send(CopyObjectCommand, { Key: "copy", CopySource: `${Bucket}/a` });
    const head = await send(HeadObjectCommand, { Key: "copy" });
    return [head.ContentType, head.Metadata, head.ETag];
  },

  async cors() {
    const rule = { AllowedOrigins: ["https://a.example"], AllowedMethods: ["PUT"], AllowedHeaders: ["*"] };
    await send(PutBucketCorsCommand, { CORSConfiguration: { CORSRules: [rule] } });
    return (await send(GetBucketCorsCommand, {})).CORSRules;
  },

  async deletes() {
    const Objects = ["a", "page/1", "none"].map((Key) => ({ Key }));
    const { Deleted } = await send(DeleteObjectsCommand, { Delete: { Objects } });
    return [Deleted.map((each) => each.Key), (await refusal(send(HeadObjectCommand, { Key: "a" })))[0]];
  },
};

for (const Key of ["page/1", "page/2", "page/3 +é", "page/4", "page/5"]) await send(PutObjectCommand, { Key, Body: "x" });
const told = {};
for (const [name, play] of Object.entries(plays)) {
  told[name] = await play().catch((error) => `${error.name}: ${error.message}`);
}
process.stdout.write(JSON.stringify(told), () => process.exit());
