// What every client does with what it is told, whichever library tells it: keep the newest of each object, drop repeats,
// and know from where to go on. Each event is a line on stdout; the last line is the state in the end.
export const [, , address, videoId, userId] = process.argv;

const VIDEO = `subscription Video($videoId: ID!, $after: String, $userId: ID) {
  videoChanged(videoId: $videoId, after: $after, userId: $userId) {
    kind version deletedId video { id status clipsCount clipsByStyle { style count } cover { clipId } }
  }
}`;
const CLIPS = `subscription Clips($videoId: ID!, $after: String, $userId: ID) {
  clipEvents(videoId: $videoId, after: $after, userId: $userId) {
    kind version deletedId clip { id clipId style status }
  }
}`;

export class Following {
  #events = [];
  #last = null;

  constructor(name, query) {
    this.name = name;
    this.query = query;
    this.objects = new Map();
    this.connections = 0;
    const following = this;
    // Read anew each time that a library sends the subscription, so that a connection goes on where the one before broke.
    this.variables = {
      videoId,
      userId,
      get after() {
        following.connections += 1;
        return following.#last;
      },
    };
  }

  take(result) {
    if (result.errors?.length) throw new Error(JSON.stringify(result.errors));
    const event = Object.values(result.data)[0];
    const isRepeat = this.#last !== null && event.version <= this.#last;
    say({ name: this.name, kind: event.kind, version: event.version, isRepeat });
    if (isRepeat) return;
    this.#last = event.version;
    const object = event.video ?? event.clip;
    if (event.kind === "REMOVED") this.objects.delete(event.deletedId);
    else this.objects.set(object.id, object);
    finishIfDone();
  }

  fail(error) {
    say({ name: this.name, error: String(error?.stack ?? error?.[0]?.message ?? error) });
    process.exit(1);
  }
}

export const video = new Following("video", VIDEO);
export const clips = new Following("clips", CLIPS);
export const all = [video, clips];

function say(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

/** Ends the process once the video says that its work is done, and all the clips that it counts are there. */
function finishIfDone() {
  const [shown] = video.objects.values();
  const completed = [...clips.objects.values()].filter((clip) => clip.status === "COMPLETED");
  if (shown?.status !== "COMPLETED" || completed.length !== shown.clipsCount) return;
  const connections = Object.fromEntries(all.map((one) => [one.name, one.connections]));
  const state = { video: shown, clips: [...clips.objects.values()], connections };
  // Apollo adds to each selection what its cache needs.
  const withoutTypes = (key, value) => (key === "__typename" ? undefined : value);
  process.stdout.write(JSON.stringify({ state }, withoutTypes) + "\n", () => process.exit(0));
}
