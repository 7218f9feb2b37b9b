// Where pictures lie on the viewport's canvas: fitted, zoomed and moved alike in all panes, and what a point on them is in the
// portrait. A pane shows `region` (a rectangle of the portrait, in its pixels) inside `box` (of the canvas).
window.LokiPanes = class {
  static MOST = 8;

  constructor() {
    this.zoom = 1;
    this.aside = { x: 0, y: 0 }; // of the fitted picture's size
    this.list = [];
  }

  clear() {
    this.list = [];
  }

  // The largest place of the region inside the box, then zoomed and moved.
  add(view, region, box) {
    const scale = Math.min(box.width / region.width, box.height / region.height);
    const [width, height] = [region.width * scale, region.height * scale];
    const fitted = { x: box.x + (box.width - width) / 2, y: box.y + (box.height - height) / 2, width, height };
    const place = {
      x: fitted.x + width * (0.5 + this.aside.x - 0.5 * this.zoom),
      y: fitted.y + height * (0.5 + this.aside.y - 0.5 * this.zoom),
      width: width * this.zoom,
      height: height * this.zoom,
    };
    const pane = { view, region, box, fitted, place, scale: scale * this.zoom };
    this.list.push(pane);
    return pane;
  }

  at(x, y) {
    return this.list.find(({ box }) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height);
  }

  toCanvas(pane, [x, y]) {
    return [pane.place.x + (x - pane.region.x) * pane.scale, pane.place.y + (y - pane.region.y) * pane.scale];
  }

  toPortrait(pane, x, y) {
    return [pane.region.x + (x - pane.place.x) / pane.scale, pane.region.y + (y - pane.place.y) / pane.scale];
  }

  // Zooms so that what lies under (x, y) stays there.
  zoomAt(pane, x, y, factor) {
    const before = this.zoom;
    this.zoom = Math.min(LokiPanes.MOST, Math.max(1, before * factor));
    const keep = (at, start, size, aside) => {
      const u = (at - start) / size - 0.5;
      return u - ((u - aside) * this.zoom) / before;
    };
    this.move({
      x: keep(x, pane.fitted.x, pane.fitted.width, this.aside.x),
      y: keep(y, pane.fitted.y, pane.fitted.height, this.aside.y),
    });
  }

  // The picture never leaves its pane.
  move({ x, y }) {
    const most = (this.zoom - 1) / 2;
    const within = (value) => Math.min(most, Math.max(-most, value));
    this.aside = { x: within(x), y: within(y) };
  }

  fit() {
    this.zoom = 1;
    this.aside = { x: 0, y: 0 };
  }
};
