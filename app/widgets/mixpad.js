// A dot between four expressions. The face follows it; recorded, its moves become keys of the frames in which they were made.
const studio = window.loki;
studio.offer(server, upload);

const pad = element.querySelector(".pad");
const dot = pad.firstElementChild;
const corners = [...element.querySelectorAll("[data-corner]")].sort((a, b) => a.dataset.corner - b.dataset.corner);
const choices = corners.map((corner) => corner.querySelector("select"));
const recordButton = element.querySelector("[data-do=record]");
const STEP = 0.05;
const place = { x: 0, y: 0 };
let gesture = null;
let take = null; // the recording: its gesture, and by frame where the dot was; armed until the dot is first moved

const inside = (value) => Math.max(0, Math.min(1, value));
const mixture = () => {
  const { strength, regions } = studio.expressions;
  return { corners: choices.map((choice) => choice.value), strength, regions };
};

const draw = () => {
  dot.style.left = `${7 + place.x * (pad.clientWidth - 14)}px`;
  dot.style.top = `${7 + place.y * (pad.clientHeight - 14)}px`;
  pad.setAttribute("aria-valuenow", Math.round(100 * place.x));
  pad.setAttribute("aria-valuetext", `${Math.round(100 * place.x)} %, ${Math.round(100 * place.y)} %`);
};

const move = (x, y) => {
  Object.assign(place, { x: inside(x), y: inside(y) });
  draw();
  if (take && !studio.playing) studio.play();
  if (take) note();
  studio.edit({ do: "mix", ...place, ...mixture(), gesture: take?.gesture ?? gesture });
};

// --- the hand -------------------------------------------------------------------------------------------------------
const follow = (event) => {
  const box = pad.getBoundingClientRect();
  move((event.clientX - box.left - 7) / (box.width - 14), (event.clientY - box.top - 7) / (box.height - 14));
};
pad.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  event.preventDefault();
  pad.focus();
  pad.setPointerCapture(event.pointerId);
  gesture = studio.newGesture();
  follow(event);
  pad.addEventListener("pointermove", follow);
  pad.addEventListener("lostpointercapture", () => pad.removeEventListener("pointermove", follow), { once: true });
});

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
pad.addEventListener("keydown", (event) => {
  const arrow = ARROWS[event.key];
  if (!arrow) return;
  event.preventDefault();
  event.stopPropagation(); // they do not move the playhead
  if (!event.repeat) gesture = studio.newGesture(); // a key that is held down is one step
  const step = event.shiftKey ? 4 * STEP : STEP;
  move(place.x + step * arrow[0], place.y + step * arrow[1]);
});

// --- recording ------------------------------------------------------------------------------------------------------
const note = () => take.moves.set(studio.frame, [studio.frame, place.x, place.y]);

const showRecording = () => {
  recordButton.setAttribute("aria-pressed", take !== null);
  recordButton.querySelector("span").textContent = studio.words[take ? "mixpad_stop" : "mixpad_record"];
  element.querySelector(".foot p").textContent = studio.words[take ? "mixpad_recording" : "mixpad_hint"];
  pad.classList.toggle("armed", take !== null);
};

const arm = () => {
  if (studio.studio.frame_count < 2) return studio.toast(studio.words.mixpad_still);
  studio.pause();
  take = { gesture: studio.newGesture(), moves: new Map(), last: -1, mixture: mixture() };
  showRecording();
  pad.focus();
};

const stop = () => {
  const { moves, gesture: whole, mixture: mixed } = take;
  take = null;
  showRecording();
  studio.pause();
  if (moves.size) studio.edit({ do: "mix_record", ...mixed, moves: [...moves.values()], gesture: whole });
};

recordButton.addEventListener("click", () => (take ? stop() : arm()));
studio.on("seek", () => {
  if (!take?.moves.size) return;
  if (studio.frame < take.last) return stop(); // the range has begun again
  take.last = studio.frame;
  note();
});
studio.on("play", () => take?.moves.size && !studio.playing && stop());

// --- the corners ----------------------------------------------------------------------------------------------------
const showFaces = () =>
  corners.forEach((corner, index) => {
    const picture = studio.expressions?.pictures.get(choices[index].value || "neutral");
    if (picture) corner.querySelector("img").src = picture;
  });

const KIND = "text/loki-expression";
corners.forEach((corner, index) => {
  const over = (on) => corner.classList.toggle("over", on);
  corner.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes(KIND)) return;
    event.preventDefault();
    over(true);
  });
  corner.addEventListener("dragleave", () => over(false));
  corner.addEventListener("drop", (event) => {
    const name = event.dataTransfer.getData(KIND);
    if (!name) return;
    event.preventDefault();
    over(false);
    choices[index].value = name;
    showFaces();
  });
  choices[index].addEventListener("change", showFaces);
});

// The user's own expressions after those of the studio; a corner whose expression was deleted is at rest.
const showOwn = () => {
  for (const choice of choices) {
    const chosen = choice.value;
    for (const old of choice.querySelectorAll("[data-own]")) old.remove();
    for (const { name, label } of studio.studio.expressions) {
      const option = new Option(label, name);
      option.dataset.own = "";
      choice.append(option);
    }
    choice.value = [...choice.options].some((option) => option.value === chosen) ? chosen : "";
  }
  showFaces();
};

element.querySelector("details").addEventListener("toggle", draw);
new ResizeObserver(draw).observe(pad);
studio.on("faces", showFaces);
studio.watch(({ expressions }) => expressions, showOwn);
