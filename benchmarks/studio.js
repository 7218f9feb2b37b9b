// Drags a slider at the screen's rate for some seconds. Returns, for each map that was painted, the milliseconds since the
// movement of the hand that it shows.
async (seconds) => {
  const studio = window.loki;
  const slider = document.querySelector("#ls-jawOpen");
  const moved = new Map(); // value -> when the hand was there
  const shows = new Map(); // work -> value
  const waits = [];
  studio.on("studio", () => shows.set(studio.studio.hash, new Map(studio.studio.controls).get("jawOpen")));
  studio.on("painted", () => {
    const work = studio.pictures.map.key.split("|")[0];
    const value = shows.get(work);
    if (!moved.has(value)) return;
    waits.push(performance.now() - moved.get(value));
    moved.delete(value);
  });
  const start = performance.now();
  for (let step = 1; performance.now() - start < 1000 * seconds; step++) {
    const value = Number((step * 0.0007 + 0.1).toFixed(4)); // every value once, so that none is shown from the cache
    Object.assign(slider, { step: "any", value });
    moved.set(value, performance.now());
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise(requestAnimationFrame);
  }
  return waits;
}
