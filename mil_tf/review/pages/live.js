"use strict";
// Where slices come from and decisions go to: the server. What it has not confirmed yet is kept in the browser, sent
// again until it does, and survives a reload; a decision that came twice is one to the server, by its time.

class Store {
  constructor() {
    this.live = true;
    this.mode = "";
    this.busy = false;
    this.onstate = () => {};
    this.onwarning = () => {};
    window.addEventListener("beforeunload", (event) => { if (this.key && this.unsaved()) event.preventDefault(); });
  }

  async start(name) {
    const given = name || new URLSearchParams(location.search).get("reviewer") || "";
    const found = await ask(`/api/start?reviewer=${encodeURIComponent(given)}`);
    if (!found.reviewer) return found;
    this.reviewer = found.reviewer;
    this.key = `mil-tf-review ${found.key} ${found.reviewer}`;
    const address = new URL(location.href);
    address.searchParams.set("reviewer", found.reviewer);
    history.replaceState(null, "", address);
    if (!this.unsaved()) return found;
    this.flush();
    return { ...found, trail: follow(found.trail, this.waiting()) };
  }

  // Another reviewer begins on a page of their own.
  change(name) {
    location.assign(`/?reviewer=${encodeURIComponent(name)}`);
  }

  unsaved() {
    return this.waiting().length > 0;
  }

  record(id) {
    return ask(`/api/slice?id=${encodeURIComponent(id)}`);
  }

  picture(record, windowName) {
    return `/api/picture?id=${encodeURIComponent(record.id)}&window=${encodeURIComponent(windowName)}`;
  }

  async refresh(mode) {
    this.mode = mode;
    const query = `reviewer=${encodeURIComponent(this.reviewer)}&mode=${encodeURIComponent(mode)}`;
    this.onstate(await ask(`/api/state?${query}`));
  }

  agreement() {
    return ask("/api/agreement");
  }

  // Read anew each time, as another tab of the same reviewer may have added to it.
  waiting() {
    try {
      return JSON.parse(localStorage.getItem(this.key) || "[]");
    } catch {
      return [];
    }
  }

  keep(rows) {
    localStorage.setItem(this.key, JSON.stringify(rows));
  }

  decide(row) {
    this.keep([...this.waiting(), row]);
    this.flush();
  }

  async flush() {
    if (this.busy) return;
    this.busy = true;
    for (let rows = this.waiting(); rows.length; rows = this.waiting()) {
      try {
        const body = JSON.stringify({ reviewer: this.reviewer, rows: rows.slice(0, 100), mode: this.mode });
        const told = await ask("/api/decide", { method: "POST", headers: { "Content-Type": "application/json" }, body });
        const sent = new Set(rows.slice(0, 100).map((one) => JSON.stringify(one)));
        this.keep(this.waiting().filter((one) => !sent.has(JSON.stringify(one))));
        this.onwarning(told.refused.join(" "));
        if (!this.unsaved()) this.onstate(told.state);
      } catch (error) {
        const count = this.waiting().length;
        this.onwarning(`Not saved yet: ${count} ${count === 1 ? "decision" : "decisions"}. ${error.message} Trying again; ` +
          "leave this page open.");
        await new Promise((done) => setTimeout(done, 1000));
      }
    }
    this.busy = false;
  }
}

// What the server answers; an error that it has put into words itself is `told`, as against one of the way there.
async function ask(address, options) {
  let response, found;
  try {
    response = await fetch(address, options);
    found = await response.json();
  } catch {
    throw new Error(response && !response.ok ? `The server answers ${response.status}.` : "The server does not answer.");
  }
  if (!response.ok) throw Object.assign(new Error(found.error), { told: true });
  return found;
}

// [[id, decision]] that stand after these rows.
function follow(trail, rows) {
  const kept = [...trail];
  for (const row of rows) {
    if (row.decision !== "undo") {
      kept.push([row.id, row.decision]);
      continue;
    }
    const place = kept.map((one) => one[0]).lastIndexOf(row.id);
    if (place >= 0) kept.splice(place, 1);
  }
  return kept;
}
