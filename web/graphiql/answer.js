// What is shown of an answer: the strip of its thumbnails, its extensions folded away, and a stream as a list of events.
"use strict";

const FOLDS_KEY = "clipgraph:foldsExtensions";
/** Of a stream, the newest events are shown; one page of them is readable, and cheap to draw again at each event. */
const MAX_EVENTS = 100;

/** Every object in the answer that has a thumbnail, in the answer's order, each picture once. */
function collectClips(value, found = new Map()) {
  if (value === null || typeof value !== "object") return found;
  const { thumbnailUrl } = value;
  if (typeof thumbnailUrl === "string" && !found.has(thumbnailUrl)) found.set(thumbnailUrl, value);
  for (const each of Object.values(value)) collectClips(each, found);
  return found;
}

function drawClip({ thumbnailUrl, title, url }) {
  const picture = document.createElement("img");
  Object.assign(picture, { src: thumbnailUrl, alt: title ?? "", title: title ?? "", loading: "lazy" });
  const link = document.createElement("a");
  Object.assign(link, { href: url ?? thumbnailUrl, target: "_blank", rel: "noreferrer" });
  link.append(picture);
  return link;
}

function parseAnswer(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the editor is empty, or half of an answer
  }
}

function showClips(answer) {
  const strip = document.getElementById("strip");
  const clips = [...collectClips(answer).values()];
  strip.replaceChildren(...clips.map(drawClip));
  strip.hidden = clips.length === 0;
}

function checkFolds() {
  return localStorage.getItem(FOLDS_KEY) !== "no";
}

/** Folds or unfolds the extensions of the answer, or of each event, and never those of an error. */
function foldExtensions(editor, isFolded) {
  const indent = editor.getLine(1)?.startsWith('  "events":') ? 6 : 2;
  const head = `${" ".repeat(indent)}"extensions": {`;
  editor.operation(() => {
    for (let line = editor.firstLine(); line <= editor.lastLine(); line += 1) {
      if (editor.getLine(line).startsWith(head)) {
        editor.foldCode({ line, ch: head.length - 1 }, null, isFolded ? "fold" : "unfold");
      }
    }
  });
}

function getAnswerEditor() {
  return document.querySelector(".result-window .CodeMirror")?.CodeMirror;
}

/** The strip and the folding follow the editor, which holds each new answer, event, error and the answer of each tab. */
function followAnswer() {
  let followed = null;
  const follow = () => {
    const editor = getAnswerEditor();
    if (!editor || editor === followed) return;
    followed = editor;
    const show = () => {
      showClips(parseAnswer(editor.getValue()));
      if (checkFolds()) foldExtensions(editor, true);
    };
    editor.on("change", show);
    show();
  };
  new MutationObserver(follow).observe(document.getElementById("graphiql"), { childList: true, subtree: true });
}

/** A button below the answer, which says whether extensions are folded, also in the answers to come. */
function FoldButton() {
  const [isFolded, setFolded] = React.useState(checkFolds);
  const toggle = () => {
    localStorage.setItem(FOLDS_KEY, isFolded ? "no" : "yes");
    setFolded(!isFolded);
    const editor = getAnswerEditor();
    if (editor) foldExtensions(editor, !isFolded);
  };
  const text = isFolded ? "Show extensions" : "Fold extensions";
  return React.createElement("button", { type: "button", className: "fold", onClick: toggle }, text);
}

/** The stream, each of whose answers is the list of events so far, the newest first. */
function listEvents(stream) {
  const iterator = stream[Symbol.asyncIterator]();
  const events = [];
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const { value, done } = await iterator.next();
      if (done) return { value, done };
      events.unshift(value);
      events.splice(MAX_EVENTS);
      return { value: { events: [...events] }, done };
    },
    // Not a generator: its `return` would wait for the next event before the subscription ends.
    return: async (value) => (await iterator.return?.(value)) ?? { value, done: true },
  };
}
