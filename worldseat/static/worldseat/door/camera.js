// The camera: frames in, the texts of QR codes out. The browser's own reader where there is one, else zxing.
const EVERY_MS = 120;
const SIDE_PX = 720; // enough for a code of 41 modules that fills a third of the picture

export class Camera {
  constructor(video, { wasm, onText }) {
    this.video = video;
    this.wasm = wasm;
    this.onText = onText;
    this.canvas = document.createElement("canvas");
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
  }

  /** Start it; throws what getUserMedia throws (NotAllowedError, NotFoundError, ...). */
  async start() {
    this.stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } },
    });
    this.video.srcObject = this.stream;
    await this.video.play();
    this.read ??= await this.reader();
    this.running = true;
    this.look();
  }

  stop() {
    this.running = false;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
  }

  get track() {
    return this.stream?.getVideoTracks()[0];
  }

  hasTorch() {
    return Boolean(this.track?.getCapabilities?.().torch);
  }

  async setTorch(on) {
    await this.track.applyConstraints({ advanced: [{ torch: on }] });
  }

  async look() {
    if (!this.running) return;
    try {
      const text = this.video.readyState >= 2 && !document.hidden ? await this.read() : null;
      if (text) await this.onText(text);
    } catch (error) {
      console.warn("A picture could not be read.", error);
    }
    setTimeout(() => this.look(), EVERY_MS);
  }

  /** Return a function that returns the text of a code in the picture, or null. */
  async reader() {
    if (await hasDetector()) {
      const detector = new BarcodeDetector({ formats: ["qr_code"] });
      return async () => (await detector.detect(this.video))[0]?.rawValue ?? null;
    }
    const { prepareZXingModule, readBarcodes } = globalThis.ZXingWASM;
    await prepareZXingModule({ overrides: { locateFile: () => this.wasm }, fireImmediately: true });
    const options = { formats: ["QRCode"], maxNumberOfSymbols: 1, tryHarder: true };
    return async () => (await readBarcodes(this.picture(), options)).find((each) => each.isValid)?.text ?? null;
  }

  /** Return the middle of the picture, no larger than needed. */
  picture() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const side = Math.min(width, height);
    const size = Math.min(side, SIDE_PX);
    this.canvas.width = this.canvas.height = size;
    this.pen.drawImage(this.video, (width - side) / 2, (height - side) / 2, side, side, 0, 0, size, size);
    return this.pen.getImageData(0, 0, size, size);
  }
}

async function hasDetector() {
  try {
    return (await BarcodeDetector.getSupportedFormats()).includes("qr_code");
  } catch {
    return false;
  }
}
