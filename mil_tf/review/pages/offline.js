"use strict";
// Where slices come from and decisions go to without a server: files beside the page, and the browser's localStorage.

class Store {
  constructor() {
    this.live = false;
    this.setup = window.REVIEW;
    this.last = `mil-tf-review ${this.setup.key} name`;
    this.records = new Map(this.setup.records.map((record) => [record.id, record]));
    this.mode = "";
    this.onstate = () => {};
    this.onwarning = () => {};
  }

  async start(name) {
    const reviewer = (name || localStorage.getItem(this.last) || this.setup.reviewer || "").trim();
    if (!reviewer) return { ...this.setup, reviewer: null };
    localStorage.setItem(this.last, reviewer);
    this.reviewer = reviewer;
    this.key = `mil-tf-review ${this.setup.key} ${reviewer} export`;
    return { ...this.setup, reviewer, trail: [...this.standing()].flatMap(([id, stack]) => stack.map((one) => [id, one])), state: this.state() };
  }

  change(name) {
    localStorage.setItem(this.last, name);
    history.replaceState(null, "", location.pathname);
    location.reload();
  }

  unsaved() {
    return false;
  }

  async record(id) {
    if (!this.records.has(id)) throw Object.assign(new Error(`${id} is not among the slices of this page.`), { told: true });
    return this.records.get(id);
  }

  picture(record, windowName) {
    return `${record.image}-${windowName}.png`;
  }

  async refresh(mode) {
    this.mode = mode;
    this.onstate(this.state());
  }

  async agreement() {
    return { pairs: [], differ: 0 };
  }

  rows() {
    return JSON.parse(localStorage.getItem(this.key) || "[]");
  }

  decide(row) {
    try {
      localStorage.setItem(this.key, JSON.stringify([...this.rows(), row]));
    } catch (error) {
      this.onwarning(`Not saved: the browser keeps nothing for this page (${error.message}).`);
      return;
    }
    this.onstate(this.state());
  }

  // Map of id to the decisions that stand, the slice decided on last being last.
  standing() {
    const found = new Map();
    for (const row of this.rows()) {
      const stack = found.get(row.id) || [];
      found.delete(row.id);
      found.set(row.id, row.decision === "undo" ? stack.slice(0, -1) : [...stack, row.decision]);
    }
    return new Map([...found].filter(([, stack]) => stack.length));
  }

  state() {
    const last = new Map([...this.standing()].map(([id, stack]) => [id, stack[stack.length - 1]]));
    const ids = [...this.records.keys()];
    const count = (word) => [...last.values()].filter((one) => one === word).length;
    const [accepted, rejected] = [count("accept"), count("reject")];
    const skipped = ids.filter((id) => last.get(id) === "skip");
    const open = ids.filter((id) => !last.has(id));
    const each = this.secondsEach();
    return {
      total: ids.length, judged: accepted + rejected, accepted, rejected, mine: accepted + rejected, reviewers: 1,
      left: open.length, queue: this.mode === "skipped" ? skipped : open, seconds: each === null ? null : each * open.length,
      skipped: skipped.length, second: 0, problems: this.setup.problems,
    };
  }

  // As mil_tf/review/progress.py has it: the median of 40 recent decisions, pauses of over two minutes left out.
  secondsEach() {
    const times = this.rows().filter((row) => row.decision !== "undo").map((row) => Date.parse(row.time));
    const gaps = times.slice(1).map((time, at) => (time - times[at]) / 1000).filter((gap) => gap >= 0 && gap <= 120);
    const recent = gaps.slice(-40).sort((a, b) => a - b);
    if (recent.length < 5) return null;
    return (recent[Math.floor((recent.length - 1) / 2)] + recent[Math.floor(recent.length / 2)]) / 2;
  }

  // All that this browser holds, as the folder's decisions.csv has it.
  download() {
    const quoted = (text) => /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const lines = this.rows().map((row) => [row.time, this.reviewer, row.id, row.decision].map(quoted).join(","));
    const text = ["time,reviewer,id,decision", ...lines, ""].join("\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "decisions.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
