"use strict";
// The slice on a canvas: fitted, zoomed, moved, with the prediction's outline over it.

class View {
  constructor(canvas) {
    this.canvas = canvas;
    this.outlined = true;
    this.zoom = 1;
    this.record = null;
    this.image = null;
    new ResizeObserver(() => this.draw()).observe(canvas);
    this.listen();
  }

  // What is shown; zoom and place stay from slice to slice only where the reviewer looks at the same one.
  show(record, image, colours) {
    if (!this.record || this.record.id !== record.id) this.fit();
    Object.assign(this, { record, image, colours });
    this.draw();
  }

  fit() {
    Object.assign(this, { zoom: 1, x: 0, y: 0 });
    this.draw();
  }

  // Zooms about a point of the canvas, its middle by default, which stays where it is.
  zoomBy(factor, at = null) {
    const zoom = Math.min(12, Math.max(1, this.zoom * factor));
    const { width, height } = this.canvas.getBoundingClientRect();
    const [dx, dy] = at ? [at[0] - width / 2, at[1] - height / 2] : [0, 0];
    this.x = dx - (dx - this.x) * zoom / this.zoom;
    this.y = dy - (dy - this.y) * zoom / this.zoom;
    this.zoom = zoom;
    if (zoom === 1) this.x = this.y = 0;
    this.draw();
  }

  listen() {
    let from = null;
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, [event.offsetX, event.offsetY]);
    }, { passive: false });
    this.canvas.addEventListener("pointerdown", (event) => {
      from = [event.clientX - this.x, event.clientY - this.y];
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!from || this.zoom === 1) return;
      [this.x, this.y] = [event.clientX - from[0], event.clientY - from[1]];
      this.draw();
    });
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, () => { from = null; });
    this.canvas.addEventListener("dblclick", () => this.fit());
  }

  // Of a pixel of the slice: [width, height] in pixels of the screen; they differ where those of the scan are not square.
  steps(width, height) {
    const { record } = this;
    const [down, across] = record.spacing || [1, 1];
    const least = Math.min(down, across);
    const scale = this.zoom * 0.96 * Math.min(width / (record.width * across / least), height / (record.height * down / least));
    return [scale * across / least, scale * down / least];
  }

  draw() {
    const { canvas, record, image } = this;
    const ratio = window.devicePixelRatio || 1;
    const { width, height } = canvas.getBoundingClientRect();
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    if (!record || !image || !width) return;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const [across, down] = this.steps(width, height);
    const left = (width - record.width * across) / 2 + this.x;
    const top = (height - record.height * down) / 2 + this.y;
    context.imageSmoothingQuality = "high";
    context.drawImage(image, left, top, record.width * across, record.height * down);
    if (this.outlined) this.drawOutlines(context, new DOMMatrix([across, 0, 0, down, left, top]));
    if (record.spacing) this.drawScale(context, across / record.spacing[1], width, height);
  }

  // The path is laid on the screen first, so that its line keeps its width; a dark rim parts it from bone.
  drawOutlines(context, matrix) {
    context.lineCap = "square";
    for (const [width, dark] of [[3.5, true], [1.7, false]]) {
      for (const outline of this.record.outlines) {
        const path = new Path2D();
        path.addPath(new Path2D(outline.path), matrix);
        context.lineWidth = width;
        context.strokeStyle = dark ? "rgba(0, 0, 0, 0.55)" : this.colours[outline.class - 1];
        context.stroke(path);
      }
    }
  }

  drawScale(context, perMm, width, height) {
    const mm = [100, 50, 20, 10, 5, 2].find((one) => one * perMm < width / 4) || 1;
    const [x, y, end] = [width - 16 - mm * perMm, height - 16, width - 16];
    const bar = new Path2D(`M${x} ${y - 5}V${y}H${end}V${y - 5}`);
    const text = mm >= 10 ? `${mm / 10} cm` : `${mm} mm`;
    Object.assign(context, { font: "13px system-ui, sans-serif", textAlign: "right", textBaseline: "bottom" });
    for (const [colour, thick] of [["#000", 4], ["#b9c3cd", 1.5]]) {
      Object.assign(context, { strokeStyle: colour, fillStyle: colour, lineWidth: thick });
      context.stroke(bar);
      if (colour === "#000") context.strokeText(text, end, y - 6);
      else context.fillText(text, end, y - 6);
    }
  }
}
