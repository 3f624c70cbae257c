"use strict";
// One slice at a time: what is shown, what keys do, what comes next.

const find = (id) => document.getElementById(id);
const WORDS = { accept: "Accepted", reject: "Rejected", skip: "Skipped" };
const AHEAD = 3; // slices that are loaded before their turn
const KEPT = 60; // pictures and records that stay loaded

const store = new Store();
const view = new View(find("canvas"));
const pictures = new Map(); // "id window" to the promise of an image
const ready = new Set(); // those of them that have come
const records = new Map(); // id to the promise of a record
const page = {
  setup: null, state: null, here: null, drawn: null, // ids: where we are, and what is on the canvas
  visited: [], queue: [], trail: [], again: new Set(), mode: "", windowName: "brain", last: 0, count: 0,
};

// --- what stands ---

function mine(id) {
  const found = page.trail.filter((one) => one[0] === id);
  return found.length ? found[found.length - 1][1] : null;
}

// In a second look at skipped slices, a skip from before does not count as done.
function isOpen(id) {
  return page.mode === "skipped" ? !page.again.has(id) && mine(id) === "skip" : mine(id) === null;
}

function upcoming() {
  const fresh = page.queue.filter((id) => isOpen(id) && id !== page.here && !page.visited.includes(id));
  const passed = page.visited.filter((id) => isOpen(id) && id !== page.here);
  return [...fresh, ...passed];
}

// --- loading ---

function load(id) {
  if (!records.has(id)) {
    const promise = store.record(id);
    promise.catch(() => records.delete(id));
    records.set(id, promise);
    if (records.size > KEPT) records.delete(records.keys().next().value);
  }
  return records.get(id);
}

function loadPicture(record, windowName) {
  const key = `${record.id} ${windowName}`;
  if (!pictures.has(key)) {
    const image = new Image();
    image.src = store.picture(record, windowName);
    const promise = image.decode().then(() => image, () => { throw new Error(`The picture of ${record.id} cannot be loaded.`); });
    promise.then(() => ready.add(key), () => pictures.delete(key));
    pictures.set(key, promise);
    if (pictures.size > KEPT) forget(pictures.keys().next().value);
  }
  return pictures.get(key);
}

function forget(key) {
  pictures.delete(key);
  ready.delete(key);
}

async function preload() {
  const quietly = (promise) => promise.catch(() => null);
  for (const id of upcoming().slice(0, AHEAD)) {
    const record = await quietly(load(id));
    if (record) await quietly(loadPicture(record, page.windowName));
  }
  const record = page.here && await quietly(load(page.here));
  if (record) for (const one of page.setup.windows) await quietly(loadPicture(record, one.name));
}

// --- showing ---

async function show(id) {
  page.here = id;
  page.drawn = null;
  find("finished").hidden = true;
  if (!page.visited.includes(id)) page.visited.push(id);
  history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  try {
    await draw();
    preload();
  } catch (error) {
    if (page.here !== id) return;
    if (await isGone(id)) pass(error);
    else retry(id, error);
  }
}

// A slice that the server cannot read is left out; where the server itself does not answer, we wait for it.
async function isGone(id) {
  try {
    await load(id);
    return false;
  } catch (error) {
    return error.told === true;
  }
}

function pass(error) {
  const id = page.here;
  page.state.problems = [...new Set([...page.state.problems, error.message])];
  page.visited = page.visited.filter((one) => one !== id);
  page.queue = page.queue.filter((one) => one !== id);
  tellProblems();
  page.here = null;
  next();
}

function retry(id, error) {
  warn(`This slice is not shown yet. ${error.message} Trying again.`);
  setTimeout(() => { if (page.here === id && page.drawn !== id) show(id).then(() => { if (page.drawn === id) warn(""); }); }, 1000);
}

async function draw() {
  const { here, windowName } = page;
  const record = await load(here);
  const image = await loadPicture(record, windowName);
  if (page.here !== here || page.windowName !== windowName) return;
  view.show(record, image, page.setup.classes.map((one) => one.colour));
  page.drawn = here;
  tellSlice(record);
}

function tellSlice(record) {
  const label = record.label.join(", ") || "known healthy";
  find("label").textContent = label;
  find("where").textContent = `Patient ${record.patient}, slice ${record.id}`;
  const rows = record.outlines.map((one) => legendRow(one, record));
  find("legend").replaceChildren(...(rows.length ? rows : [textOf("li", "nothing", "soft")]));
  const seen = record.outlines.map((one) => page.setup.classes[one.class - 1].name).join(", ") || "nothing";
  find("canvas").setAttribute("aria-label", `CT slice ${record.id}, image label ${label}, outlined: ${seen}`);
  tellView();
  tellMine();
}

function legendRow(outline, record) {
  const { name, colour } = page.setup.classes[outline.class - 1];
  const row = document.createElement("li");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [key, value] of Object.entries({ x: 1, y: 1, width: 14, height: 9, rx: 2, fill: "none", stroke: colour, "stroke-width": 2 })) line.setAttribute(key, value);
  svg.setAttribute("viewBox", "0 0 16 11");
  svg.append(line);
  row.append(svg, textOf("span", name), textOf("span", area(outline.pixels, record.spacing), "soft"));
  if (!record.label.includes(name)) row.append(textOf("span", "not in the image label", "odd"));
  return row;
}

function area(pixels, spacing) {
  if (!spacing) return `${pixels} px`;
  const mm2 = pixels * spacing[0] * spacing[1];
  return mm2 < 100 ? `${Math.round(mm2)} mm²` : `${(mm2 / 100).toFixed(1)} cm²`;
}

function textOf(tag, text, name = "") {
  const found = document.createElement(tag);
  found.textContent = text;
  found.className = name;
  return found;
}

function tellView() {
  const { centre, width } = page.setup.windows.find((one) => one.name === page.windowName);
  find("corner-left").textContent = `${page.windowName}\nC ${centre}  W ${width}`;
  find("corner-right").textContent = view.zoom === 1 ? "" : `zoom ${view.zoom.toFixed(1)}`;
  find("outline").setAttribute("aria-pressed", view.outlined);
  for (const button of find("windows").children) button.setAttribute("aria-pressed", button.dataset.name === page.windowName);
}

function tellMine() {
  const word = page.here && mine(page.here);
  find("mine").replaceChildren(...(word ? ["You have ", textOf("b", WORDS[word].toLowerCase()), " this slice."] : []));
  find("undo").disabled = !page.trail.length;
}

function tellState() {
  const { state } = page;
  const percent = (count) => `${100 * count / Math.max(1, state.total)}%`;
  find("bar-accepted").style.width = percent(state.accepted);
  find("bar-rejected").style.width = percent(state.rejected);
  find("bar").setAttribute("aria-valuemax", state.total);
  find("bar").setAttribute("aria-valuenow", state.judged);
  find("counts").textContent = `${state.judged} of ${state.total} judged`;
  find("verdicts").textContent = `${state.accepted} accepted, ${state.rejected} rejected`;
  const time = state.seconds === null ? "" : `, about ${lasting(state.seconds)}`;
  const share = state.reviewers > 1 ? `You: ${state.mine} judged, ${state.left} left` : `${state.left} left`;
  find("left").textContent = `${share}${time}${state.skipped ? `, ${state.skipped} skipped` : ""}`;
  tellProblems();
}

function lasting(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${Math.round(minutes % 60 / 10) * 10} min`.replace(" 60 min", " 50 min");
}

function tellProblems() {
  const { problems } = page.state;
  find("problems").hidden = !problems.length;
  find("problems").querySelector("summary").textContent = `${problems.length} ${problems.length === 1 ? "problem" : "problems"} in this folder`;
  find("problems").querySelector("ul").replaceChildren(...problems.slice(0, 50).map((one) => textOf("li", one)));
}

async function tellAgreement() {
  const told = await store.agreement().catch(() => ({ pairs: [] }));
  const lines = told.pairs.slice(0, 3).map((one) => `${one.first}, ${one.second}: kappa ${one.kappa}, n = ${one.n}`);
  if (told.pairs.length) lines.push(`${told.differ} judged differently, thus rejected`);
  find("agreement").replaceChildren(...lines.map((line) => textOf("div", line)));
  find("agreement").title = page.setup.rule;
}

function toast(word) {
  const box = find("toast");
  box.textContent = WORDS[word] || word;
  box.className = `seen ${word}`;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => box.classList.remove("seen"), 450);
}

function warn(text) {
  find("warning").hidden = !text;
  find("warning").textContent = text;
}

function finish() {
  page.here = page.drawn = null;
  history.replaceState(null, "", location.pathname + location.search);
  const { state } = page;
  find("finished").hidden = false;
  find("finished-text").textContent = `${state.judged} of ${state.total} slices are judged: ${state.accepted} accepted, ` +
    `${state.rejected} rejected. You have judged ${state.mine}.`;
  find("again").hidden = !state.skipped;
  find("again").textContent = `Look again at ${state.skipped} skipped`;
  find("second").hidden = !state.second;
  find("second").textContent = `Give a second opinion on ${state.second}`;
  find("label").textContent = find("where").textContent = "";
  find("legend").replaceChildren();
  tellMine();
}

// --- doing ---

// Times of one page never repeat, so that each decision can be told from one that is sent again.
function now() {
  page.last = Math.max(Date.now(), page.last + 1);
  return new Date(page.last).toISOString();
}

function decide(word) {
  if (!page.here || page.drawn !== page.here) return; // nobody judges what is not on the screen
  const id = page.here;
  page.trail.push([id, word]);
  page.again.add(id);
  toast(word);
  store.decide({ time: now(), id, decision: word });
  if (++page.count % 10 === 0) tellAgreement();
  const later = page.visited.slice(page.visited.indexOf(id) + 1).find(isOpen);
  next(later);
}

function undo() {
  const ids = page.trail.map((one) => one[0]);
  const id = page.here && mine(page.here) ? page.here : ids[ids.length - 1];
  if (id === undefined) return;
  page.trail.splice(ids.lastIndexOf(id), 1);
  page.again.delete(id);
  toast("Taken back");
  store.decide({ time: now(), id, decision: "undo" });
  if (page.here === id) tellMine();
  else show(id);
}

async function next(id = undefined) {
  const coming = id === undefined ? upcoming()[0] : id;
  if (coming !== undefined) return show(coming);
  page.here = page.drawn = null;
  try {
    await store.refresh(page.mode);
  } catch (error) {
    warn(`What comes next is not known yet. ${error.message} Trying again.`);
    setTimeout(() => { if (page.here === null) next(); }, 1000);
    return undefined;
  }
  if (page.here) return undefined; // what the server told, or an undo, has brought us on
  if (!store.unsaved()) warn("");
  const [more] = upcoming();
  return more === undefined ? finish() : show(more);
}

function step(by) {
  const place = page.visited.indexOf(page.here) + by;
  if (page.here === null && by < 0 && page.visited.length) show(page.visited[page.visited.length - 1]);
  else if (page.here !== null && place >= 0 && place < page.visited.length) show(page.visited[place]);
  else if (page.here !== null && by > 0 && upcoming().length) next();
}

function setWindow(name) {
  page.windowName = name;
  tellView();
  if (page.here) draw().then(preload, (error) => warn(error.message));
}

function setOutline() {
  view.outlined = !view.outlined;
  view.draw();
  tellView();
}

function zoom(factor) {
  if (factor) view.zoomBy(factor);
  else view.fit();
  tellView();
}

async function look(mode) {
  page.mode = mode;
  page.again.clear();
  page.visited = [];
  page.queue = [];
  await store.refresh(mode);
  next();
}

// --- beginning ---

function adopt(state) {
  page.state = state;
  page.queue = state.queue;
  tellState();
  if (page.here) preload();
  else if (!find("finished").hidden) (upcoming().length ? next : finish)();
}

const KEYS = {
  a: () => decide("accept"), r: () => decide("reject"), s: () => decide("skip"), u: undo, o: setOutline,
  ArrowLeft: () => step(-1), ArrowRight: () => step(1), "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: () => zoom(0),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || find("ask").open) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const chosen = page.setup && page.setup.windows[Number(key) - 1];
  const done = chosen ? () => setWindow(chosen.name) : KEYS[key];
  if (!done || !page.setup || !page.state) return;
  event.preventDefault();
  if (!event.repeat || /Arrow|[-+=]/.test(key)) done(); // a key held down does not judge a row of slices
}

function addButtons() {
  find("windows").replaceChildren(...page.setup.windows.map((one, at) => {
    const button = textOf("button", one.name);
    button.type = "button";
    button.dataset.name = one.name;
    button.title = `centre ${one.centre} HU, width ${one.width} HU`;
    button.setAttribute("aria-keyshortcuts", String(at + 1));
    button.append(document.createElement("br"), textOf("kbd", String(at + 1)));
    return button;
  }));
  find("criterion").replaceChildren(...page.setup.criterion.map((one) => textOf("li", one)));
}

const CLICKS = {
  accept: KEYS.a, reject: KEYS.r, skip: KEYS.s, undo, outline: setOutline, smaller: KEYS["-"], larger: KEYS["+"], whole: KEYS[0],
  back: KEYS.ArrowLeft, forward: KEYS.ArrowRight, again: () => look("skipped"), second: () => look("second"),
  download: () => store.download(), change: () => askName(),
};

function listen() {
  document.addEventListener("keydown", onKey);
  for (const [id, done] of Object.entries(CLICKS)) {
    find(id).addEventListener("click", () => { done(); find("canvas").focus(); });
  }
  find("windows").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) setWindow(button.dataset.name);
  });
  find("canvas").addEventListener("wheel", tellView);
  find("canvas").addEventListener("dblclick", tellView);
  find("ask-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (page.state) store.change(find("name").value);
    else begin(find("name").value).catch((error) => askName(error.message));
  });
  find("ask").addEventListener("cancel", (event) => { if (!page.state) event.preventDefault(); });
}

function askName(error = "") {
  find("ask-error").hidden = !error;
  find("ask-error").textContent = error;
  if (!find("ask").open) find("ask").showModal();
}

async function begin(name = "") {
  const found = await store.start(name);
  page.setup = found;
  addButtons();
  if (!found.reviewer) return askName();
  find("ask").close();
  find("reviewer").textContent = `Reviewer: ${found.reviewer}`;
  find("save").hidden = store.live;
  document.title = `Review, ${found.reviewer}`;
  Object.assign(page, { trail: found.trail, visited: [...new Set(found.trail.map((one) => one[0]))], again: new Set(), mode: "", here: null });
  adopt(found.state);
  tellAgreement();
  const id = decodeURIComponent(location.hash.slice(1));
  return id ? show(id) : next();
}

store.onstate = adopt;
store.onwarning = warn;
listen();
begin().catch((error) => { warn(error.message); if (/name/.test(error.message)) askName(error.message); });
