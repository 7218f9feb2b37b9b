// Records the camera: a countdown, the time that has gone, stop. What is recorded goes where dropped files go.
window.LokiRecorder = class {
  static COUNT = 3;
  static KINDS = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];

  // dialog: its parts; studio: words; done: gets the file.
  constructor(dialog, studio, done) {
    Object.assign(this, { dialog, studio, done });
    this.video = dialog.querySelector("video");
    this.part("record-start").addEventListener("click", () => this.count(LokiRecorder.COUNT));
    this.part("record-stop").addEventListener("click", () => this.recorder.stop());
    this.part("record-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => this.leave());
    this.show("closed", "");
  }

  part(name) {
    return this.dialog.querySelector(`[data-part=${name}]`);
  }

  show(state, words, count = "") {
    this.dialog.dataset.state = state;
    this.part("record-words").textContent = words;
    this.part("count").textContent = count;
    this.part("record-start").hidden = state === "recording";
    this.part("record-start").disabled = state !== "ready";
    this.part("record-stop").hidden = state !== "recording";
    this.part("elapsed").textContent = "";
  }

  async open() {
    this.show("waiting", this.studio.words.record_waiting);
    this.dialog.showModal();
    try {
      this.stream = await this.camera();
    } catch {
      this.show("refused", this.studio.words.record_none); // no camera, no permission, or a page that is not trusted with one
      return;
    }
    if (!this.dialog.open) return this.leave();
    this.video.srcObject = this.stream;
    await this.video.play();
    this.show("ready", this.studio.words.record_ready);
  }

  // With sound where there is a microphone.
  async camera() {
    const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
    try {
      return await navigator.mediaDevices.getUserMedia({ video, audio: true });
    } catch {
      return await navigator.mediaDevices.getUserMedia({ video });
    }
  }

  count(left) {
    if (!left) return this.record();
    this.show("counting", this.studio.words.record_ready, left);
    this.timer = setTimeout(() => this.count(left - 1), 1000);
  }

  record() {
    const mimeType = LokiRecorder.KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    const parts = [];
    this.recorder = new MediaRecorder(this.stream, { mimeType });
    this.recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    this.recorder.addEventListener("stop", () => {
      if (!this.dialog.open) return; // closed: not wanted
      const [type] = mimeType.split(";");
      this.dialog.close();
      if (!parts.some(({ size }) => size)) return this.studio.toast(this.studio.words.record_empty);
      this.done(new File(parts, `${this.studio.words.record_name}.${type.split("/")[1]}`, { type }));
    });
    this.recorder.start(1000);
    this.show("recording", this.studio.words.record_going);
    const began = performance.now();
    const tick = () => (this.part("elapsed").textContent = `${((performance.now() - began) / 1000).toFixed(1)} s`);
    tick();
    this.timer = setInterval(tick, 100);
  }

  leave() {
    clearTimeout(this.timer);
    clearInterval(this.timer);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = this.video.srcObject = null;
    this.show("closed", "");
  }
};
