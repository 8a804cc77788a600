// Moving and zooming a drawing, with mouse, fingers or from code.
const MOST_ZOOM = 40;
// A pointer that moved less than this has tapped.
const STILL_PX = 6;

export class Viewport {
  /** `onTap(point, pixel)` gets the place in the drawing, and how much of it a pixel covers. */
  constructor(frame, svg, onTap) {
    Object.assign(this, { frame, svg, onTap });
    const { x, y, width, height } = svg.viewBox.baseVal;
    this.whole = { x, y, width, height };
    this.box = { ...this.whole };
    this.pointers = new Map();
    this.moved = 0;
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, (event) => this.up(event));
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  /** How many units of the drawing a pixel covers. */
  get pixel() {
    const { width, height } = this.frame.getBoundingClientRect();
    return Math.max(this.box.width / width, this.box.height / height);
  }

  point(event) {
    const matrix = this.svg.getScreenCTM().inverse();
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
  }

  reset() {
    this.set({ ...this.whole });
  }

  zoom(times) {
    this.zoomAround({ x: this.box.x + this.box.width / 2, y: this.box.y + this.box.height / 2 }, times);
  }

  /** Bring a place to the middle, larger. */
  zoomTo(point, times) {
    const width = this.box.width / times;
    const height = this.box.height / times;
    this.set({ x: point.x - width / 2, y: point.y - height / 2, width, height });
  }

  /** Zoom so that a place stays where it is on the screen. */
  zoomAround(point, times) {
    const most = this.whole.width / MOST_ZOOM;
    const width = Math.min(Math.max(this.box.width / times, most), this.whole.width * 1.2);
    const height = (width * this.whole.height) / this.whole.width;
    const rate = width / this.box.width;
    this.set({ x: point.x - (point.x - this.box.x) * rate, y: point.y - (point.y - this.box.y) * rate, width, height });
  }

  /** Move just enough to see a place. */
  show(x, y) {
    const { box } = this;
    const inside = x > box.x + box.width * 0.1 && x < box.x + box.width * 0.9 && y > box.y + box.height * 0.1 && y < box.y + box.height * 0.9;
    if (!inside) this.set({ ...box, x: x - box.width / 2, y: y - box.height / 2 });
  }

  set(box) {
    // Keep the middle inside of the drawing, so that it cannot be lost.
    box.x = Math.min(Math.max(box.x, this.whole.x - box.width / 2), this.whole.x + this.whole.width - box.width / 2);
    box.y = Math.min(Math.max(box.y, this.whole.y - box.height / 2), this.whole.y + this.whole.height - box.height / 2);
    this.box = box;
    this.frameRequest ??= requestAnimationFrame(() => {
      this.frameRequest = null;
      this.svg.setAttribute("viewBox", `${this.box.x} ${this.box.y} ${this.box.width} ${this.box.height}`);
    });
  }

  down(event) {
    if (event.button) return;
    this.pointers.set(event.pointerId, event);
    this.svg.setPointerCapture(event.pointerId);
    if (this.pointers.size === 1) this.moved = 0;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const others = [...this.pointers.values()].filter((other) => other.pointerId !== event.pointerId);
    const dx = event.clientX - before.clientX;
    const dy = event.clientY - before.clientY;
    this.moved += Math.hypot(dx, dy);
    this.pointers.set(event.pointerId, event);
    if (others.length) this.pinch(before, event, others[0]);
    else if (this.moved > STILL_PX) {
      this.frame.classList.add("moving");
      const { pixel } = this;
      this.set({ ...this.box, x: this.box.x - dx * pixel, y: this.box.y - dy * pixel });
    }
  }

  pinch(before, now, other) {
    const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
    const middle = { clientX: (now.clientX + other.clientX) / 2, clientY: (now.clientY + other.clientY) / 2 };
    this.moved += STILL_PX;
    this.zoomAround(this.point(middle), apart(now) / apart(before));
  }

  up(event) {
    const held = this.pointers.delete(event.pointerId);
    if (this.pointers.size) return;
    this.frame.classList.remove("moving");
    if (held && event.type === "pointerup" && this.moved <= STILL_PX) this.onTap(this.point(event), this.pixel);
  }

  wheel(event) {
    event.preventDefault();
    this.zoomAround(this.point(event), Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)));
  }
}
