"""What the page looks like and how it answers; no file beside it and no network is needed."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --paper: #fff; --soft: #5d6873; --line: #d9dee3; --wash: #eef3f8;
  --mark: #b24a17; --out: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --paper: #14181c; --soft: #98a4b0; --line: #343c44;
  --wash: #222b34; --mark: #f0915c; --out: #f2867e; } }
body { font: 14px/1.35 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0; }
header, main, .bar { padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: .8rem 0 .2rem; } header p { margin: .2rem 0; max-width: 80rem; }
.soft, dt { color: var(--soft); }
.key { display: inline-block; width: 1.2em; height: .35em; vertical-align: middle; }
.bar { position: sticky; top: 0; z-index: 1; background: var(--paper); border-bottom: 2px solid var(--line);
  padding-block: .5rem; }
.bar > div { display: flex; flex-wrap: wrap; gap: .3rem .8rem; align-items: center; margin: .2rem 0; }
.bar output { font-weight: 600; font-variant-numeric: tabular-nums; }
button, input, select { font: inherit; } button, label { cursor: pointer; } input[type=search] { width: 18rem; }
.sort { border: 0; background: none; padding: 0 .2rem; color: inherit; text-decoration: underline dotted; }
.sort[data-way] { font-weight: 600; text-decoration: none; }
.sort[data-way=up]::after { content: " \\25B2"; } .sort[data-way=down]::after { content: " \\25BC"; }
article { display: flex; flex-wrap: wrap; gap: .4rem 1rem; padding: .4rem; border-bottom: 1px solid var(--line);
  border-left: 4px solid transparent; content-visibility: auto; contain-intrinsic-size: auto 142px;
  scroll-margin: 8rem 0 4rem; }
article[hidden], div[hidden] { display: none; }
article.rejected { contain-intrinsic-size: auto 60px; }
article.current { background: var(--wash); border-left-color: var(--ink); }
article.marked { border-left-color: var(--out); } article.marked img { opacity: .35; }
article.marked h2 { color: var(--out); text-decoration: line-through; }
img { display: block; background: #000; }
article > div { flex: 1 1 20rem; min-width: 0; }
h2 { font-size: 1rem; margin: 0 .8rem .2rem 0; display: inline-block; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(7rem, 1fr)); gap: .15rem .8rem; margin: 0; }
dl > div { min-width: 0; } dt { font-size: .78rem; line-height: 1.1; } dd { margin: 0; overflow-wrap: anywhere; }
dl > .wide { grid-column: 1 / -1; } .wide dd { color: var(--mark); font-weight: 600; }
kbd { border: 1px solid var(--line); border-radius: 3px; padding: 0 .3em; }
"""

SCRIPT = """
"use strict";
const find = (selector) => document.querySelector(selector);
const list = find("main"), count = find("output"), search = find("[type=search]"), label = find("select");
const switches = [...document.querySelectorAll("[data-only]")], heads = [...document.querySelectorAll(".sort")];
const store = "mil-tf exclude " + list.dataset.plan;
const rows = [...list.children].map((node) => {
  const cells = [node.querySelector("h2"), ...[...node.querySelectorAll("dl > div")].map((one) => one.lastChild)];
  const values = cells.map((cell) => cell ? cell.textContent : "");
  return {node, values, id: values[0], text: values.join("\\n").toLowerCase()};
});
const of = new Map(rows.map((row) => [row.node, row]));
const marked = new Set(restored());
let order = rows, shown = rows, current = null;

function restored() {
  try { return JSON.parse(localStorage.getItem(store)) || []; } catch { return []; }
}

function filter() {
  const words = search.value.toLowerCase().split(/\\s+/);
  const only = switches.filter((one) => one.checked).map((one) => one.dataset.only);
  shown = order.filter(({node, text}) => words.every((word) => text.includes(word))
    && (!label.value || node.dataset.label === label.value) && only.every((name) => node.classList.contains(name)));
  const seen = new Set(shown);
  for (const row of rows) row.node.hidden = !seen.has(row);
  tell();
}

function tell() {
  count.textContent = `${shown.length} of ${rows.length} shown, ${marked.size} to exclude`;
}

function sort(head) {
  const way = head.dataset.way === "up" ? "down" : "up", sign = way === "up" ? 1 : -1;
  const column = heads.indexOf(head), filled = (row) => row.values[column] !== "";
  const full = rows.filter(filled), numeric = full.every((row) => isFinite(row.values[column]));
  const text = new Intl.Collator(undefined, {numeric: true}).compare;
  const compare = numeric ? (a, b) => a - b : text;
  full.sort((a, b) => sign * compare(a.values[column], b.values[column]));
  order = [...full, ...rows.filter((row) => !filled(row))];
  for (const one of heads) delete one.dataset.way;
  head.dataset.way = way;
  list.append(...order.map((row) => row.node));
  filter();
}

function go(row, scroll) {
  if (!row) return;
  if (current) current.node.classList.remove("current");
  current = row;
  row.node.classList.add("current");
  if (scroll) row.node.scrollIntoView({block: "center"});
}

function toggle(row) {
  if (!row || row.node.classList.contains("rejected")) return;
  if (!marked.delete(row.id)) marked.add(row.id);
  row.node.classList.toggle("marked", marked.has(row.id));
  try { localStorage.setItem(store, JSON.stringify([...marked])); } catch { /* kept until the page is left */ }
  tell();
}

function download() {
  const quoted = (id) => /[",\\r\\n]/.test(id) ? `"${id.replaceAll('"', '""')}"` : id;
  const ids = rows.map((row) => row.id).filter((id) => marked.has(id));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([["id", ...ids.map(quoted)].join("\\n") + "\\n"], {type: "text/csv"}));
  link.download = "exclude.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") document.activeElement.blur();
  if (event.target.matches("[type=search], select")) return;
  const place = shown.indexOf(current);
  if (event.key === "j") go(shown[place + 1], true);
  if (event.key === "k") go(shown[place - 1], true);
  if (event.key === "x" && place >= 0) toggle(current);
  if (event.key === "/") { event.preventDefault(); search.focus(); }
}

for (const {node, id} of rows) {
  node.classList.toggle("marked", marked.has(id) && !node.classList.contains("rejected"));
}
for (const one of [search, label, ...switches]) one.addEventListener("input", filter);
for (const head of heads) head.addEventListener("click", () => sort(head));
try {  // the folder's own name, which its bytes do not depend on
  document.title = find("h1").textContent += ": " + decodeURIComponent(location.pathname).split("/").at(-2);
} catch { /* a path that is no UTF-8 */ }
find("#download").addEventListener("click", download);
document.addEventListener("keydown", key);
list.addEventListener("click", (event) => {
  const row = of.get(event.target.closest("article"));
  go(row, false);
  if (event.target.matches("button")) toggle(row);
});
filter();
"""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quality control</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Quality control</h1>
<p>{counts}. <span class="soft">{settings}</span></p>
<p>Left, three slices as they came, with the brain's outline <span class="key" style="background: {brain}"></span>;
right, the same as in the bag, with the lesions where they are known
<span class="key" style="background: {lesion}"></span>. Numbers are those of the slices; the patient's left is on the
right. Brain window, 0 to 80 HU; bluish grey is outside the picture.</p>
<p class="soft">Keys: <kbd>j</kbd> next, <kbd>k</kbd> previous, <kbd>x</kbd> exclude or not, <kbd>/</kbd> search.
What is marked is remembered by this browser; download it to keep it.</p>
</header>
<div class="bar">
<div><input type="search" placeholder="search" aria-label="search"><select aria-label="label">
<option value="">all labels</option>{labels}</select>
<label><input type="checkbox" data-only="flagged"> flagged only</label>
<label><input type="checkbox" data-only="rejected"> rejected only</label>
<label><input type="checkbox" data-only="marked"> to exclude only</label>
<output></output><button type="button" id="download">download ids to exclude</button></div>
<div><span class="soft">sort by</span>{heads}</div>
</div>
<main data-plan="{plan}">
{rows}
</main>
<script>{script}</script>
</body>
</html>
"""
