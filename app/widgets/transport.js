// Play, step, loop, sound; the bar with the playhead, the range, and the frames in which a driver's face was lost.
const studio = window.loki;
studio.offer(server, upload);

const find = (name) => element.querySelector(`[data-part=${name}]`);
const bar = find("bar");
const playhead = find("playhead");
const field = find("frame");
const ends = { start: find("start"), end: find("end") };

const count = () => studio.studio?.frame_count ?? 1;
const place = (frame) => `${(100 * frame) / Math.max(1, count())}%`;
const clock = (frame) => {
  const seconds = frame / studio.rate;
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
};

const showFrame = () => {
  playhead.style.left = place(studio.frame + 0.5);
  playhead.setAttribute("aria-valuenow", studio.frame);
  if (document.activeElement !== field) field.value = studio.frame;
  find("clock").textContent = `${clock(studio.frame)} / ${clock(count())}`;
};

const showState = () => {
  const [first, stop] = studio.range;
  const still = count() < 2;
  for (const button of element.querySelectorAll("button")) button.disabled = still;
  bar.classList.toggle("still", still);
  playhead.setAttribute("aria-valuemax", count() - 1);
  field.max = count() - 1;
  find("count").textContent = count() - 1;
  find("rate").textContent = studio.say("rate", { fps: Number(studio.rate.toFixed(3)) });
  find("loop").setAttribute("aria-pressed", studio.studio.look.loop);
  Object.assign(find("range").style, { left: place(first), width: place(stop - first) });
  ends.start.style.left = place(first);
  ends.end.style.left = place(stop);
  for (const [end, value] of [[ends.start, first], [ends.end, stop - 1]]) {
    end.setAttribute("aria-valuemax", count() - 1);
    end.setAttribute("aria-valuenow", value);
  }
  find("lost").replaceChildren(...studio.studio.lost.map(([from, to]) => {
    const span = document.createElement("i");
    span.title = find("lost").title;
    Object.assign(span.style, { left: place(from), width: place(to - from) });
    return span;
  }));
  showFrame();
};

// Which frames of the range the renderer has finished, and which are still to be made.
const showMade = () => {
  const { range, done } = studio.foreseen;
  const span = (from, to, kind) => {
    const part = document.createElement("i");
    part.className = kind;
    Object.assign(part.style, { left: place(from), width: place(to - from) });
    return part;
  };
  find("made").replaceChildren(...(range && count() > 1 ? [span(...range, "todo"), ...done.map(([from, to]) => span(from, to, "done"))] : []));
};

const frameAt = (event) => {
  const box = bar.getBoundingClientRect();
  return ((event.clientX - box.left) / box.width) * count();
};

const setRange = (first, stop, gesture) => {
  studio.edit({ do: "trim", first: Math.max(0, first), stop: Math.min(count(), stop), gesture });
};

// Follow the pointer from here until it is let go.
const drag = (target, start, move) =>
  target.addEventListener("pointerdown", (event) => {
    if (count() < 2 || event.button) return;
    event.preventDefault();
    event.stopPropagation();
    target.focus();
    target.setPointerCapture(event.pointerId);
    const context = start(event);
    const follow = (moved) => move(moved, context);
    target.addEventListener("pointermove", follow);
    target.addEventListener("lostpointercapture", () => target.removeEventListener("pointermove", follow), { once: true });
  });

const scrub = (event) => studio.seek(Math.floor(frameAt(event)));
drag(bar, (event) => { studio.pause(); scrub(event); playhead.focus(); }, scrub);
drag(ends.start, () => studio.newGesture(), (event, gesture) =>
  setRange(Math.min(Math.round(frameAt(event)), studio.range[1] - 1), studio.range[1], gesture));
drag(ends.end, () => studio.newGesture(), (event, gesture) =>
  setRange(studio.range[0], Math.max(Math.round(frameAt(event)), studio.range[0] + 1), gesture));

const nudge = (end, by) => {
  const [first, stop] = studio.range;
  if (end === ends.start) setRange(Math.min(first + by, stop - 1), stop);
  else setRange(first, Math.max(stop + by, first + 1));
};
for (const end of Object.values(ends))
  end.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    nudge(end, event.shiftKey ? 10 * by : by);
  });

const actions = {
  play: () => studio.toggle(),
  first: () => studio.step(studio.range[0] - studio.frame),
  back: () => studio.step(-1),
  forward: () => studio.step(1),
  last: () => studio.step(studio.range[1] - 1 - studio.frame),
  loop: () => studio.edit({ do: "look", name: "loop", value: !studio.studio.look.loop }),
  sound: () => soundtrack.mute(find("sound").getAttribute("aria-pressed") === "true"),
  startHere: () => setRange(studio.frame, Math.max(studio.range[1], studio.frame + 1)),
  endHere: () => setRange(Math.min(studio.range[0], studio.frame), studio.frame + 1),
  whole: () => setRange(0, count()),
};
studio.actions = { ...studio.actions, ...actions };
for (const button of element.querySelectorAll("button[data-do]")) button.addEventListener("click", actions[button.dataset.do]);
field.addEventListener("change", () => {
  studio.pause();
  studio.seek(Number(field.value));
});

const showSound = () => {
  find("sound").hidden = !studio.studio.heard;
  find("sound").setAttribute("aria-pressed", !soundtrack.audio.muted);
  find("sound").setAttribute("aria-busy", soundtrack.busy);
};
const soundtrack = new LokiSoundtrack(element.querySelector("audio"), studio, showSound);

studio.watch((work) => [work.trim, work.frame_count, work.fps, work.look.loop, work.lost, studio.frame], showState);
studio.on("foreseen", showMade);
studio.on("seek", showFrame);
studio.on("play", () => {
  find("play").classList.toggle("playing", studio.playing);
  find("play").setAttribute("aria-pressed", studio.playing);
});
