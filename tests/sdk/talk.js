// A page's conversation through D-ID's own web SDK, for tests to drive: await talk.<verb>(...).

const video = document.querySelector("video");
const canvas = document.createElement("canvas");
const log = { states: [], errors: [], messages: [], video: [], activity: [], chats: [], modes: [] };
const peers = [];
let manager;

const Native = window.RTCPeerConnection;
window.RTCPeerConnection = function (...all) {
  const peer = new Native(...all);
  peers.push(peer);
  return peer;
};
window.RTCPeerConnection.prototype = Native.prototype;

// The SDK takes RTCPeerConnection when it is loaded.
const { createAgentManager } = await import("/sdk/index.js");

async function until(what, happened, seconds) {
  const end = performance.now() + seconds * 1000;
  while (!(await happened())) {
    if (performance.now() > end) {
      throw new Error(`waited ${seconds} s for: ${what}; ${JSON.stringify(log)}`);
    }
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

// Of the newest connection that has them: a room's client has one more, for what it sends.
async function inbound() {
  const found = {};
  for (const peer of peers) {
    for (const stat of (await peer.getStats()).values()) {
      if (stat.type === "inbound-rtp") found[stat.kind] = stat;
    }
  }
  return found;
}

// How much of the picture is not black, 0 to 1, and how many different shades it has.
function look() {
  canvas.width = canvas.height = 64;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, 64, 64);
  const data = context.getImageData(0, 0, 64, 64).data;
  const shades = new Set();
  let bright = 0;
  for (let i = 0; i < data.length; i += 4) {
    shades.add((data[i] >> 3) * 1024 + (data[i + 1] >> 3) * 32 + (data[i + 2] >> 3));
    bright += data[i] + data[i + 1] + data[i + 2] > 60;
  }
  return { bright: bright / 4096, shades: shades.size };
}

window.talk = {
  log,

  async create(agent, url, auth, streamOptions) {
    manager = await createAgentManager(agent, {
      auth,
      baseURL: url,
      wsURL: url.replace("http", "ws"),
      enableAnalytics: false,
      streamOptions,
      callbacks: {
        onSrcObjectReady: (stream) => (video.srcObject = stream),
        onConnectionStateChange: (state, reason) => log.states.push(reason ? [state, reason] : [state]),
        onVideoStateChange: (state) => log.video.push(state),
        onAgentActivityStateChange: (state) => log.activity.push(state),
        onNewMessage: (messages, type) =>
          (log.messages = messages.map((m) => ({ ...m, type }))),
        onNewChat: (chat) => log.chats.push(chat),
        onModeChange: (mode) => log.modes.push(mode),
        onError: (error) => log.errors.push(`${error.name} ${error.kind ?? ""} ${error.message}`),
      },
    });
    return { name: manager.agent.name ?? manager.agent.preview_name };
  },

  // Milliseconds until the SDK says that it is connected.
  async connect() {
    const begun = performance.now();
    await manager.connect();
    const connected = performance.now() - begun;
    return { connected, type: manager.getStreamType(), interrupt: manager.getIsInterruptAvailable() };
  },

  // Milliseconds from nothing at all until it is connected, and until a frame was shown.
  async timed(...all) {
    video.srcObject = null;
    const begun = performance.now();
    const shown = new Promise((resume) => video.requestVideoFrameCallback(() => resume(performance.now() - begun)));
    await talk.create(...all);
    await manager.connect();
    return { connected: performance.now() - begun, frame: await shown };
  },

  async sees(frames, seconds) {
    let from;
    await until("decoded frames", async () => {
      const now = (await inbound()).video?.framesDecoded ?? 0;
      from ??= now;
      return now - from >= frames;
    }, seconds);
    await until("a picture", () => video.videoWidth && look().shades > 20, seconds);
    return { ...look(), width: video.videoWidth, height: video.videoHeight };
  },

  async hears(seconds) {
    const from = (await inbound()).audio?.totalAudioEnergy ?? 0;
    await until("sound", async () => ((await inbound()).audio?.totalAudioEnergy ?? 0) > from + 1e-4, seconds);
    return true;
  },

  async chat(text, seconds) {
    const before = log.messages.length;
    const response = await manager.chat(text);
    await until("an answer", () => {
      const last = log.messages.at(-1);
      return log.messages.length >= before + 2 && last.role === "assistant" && last.type === "answer";
    }, seconds);
    return { response, message: log.messages.at(-1) };
  },

  // What the agent says by itself when somebody comes.
  async greeted(seconds) {
    await until("a greeting", () => log.messages.at(-1)?.type === "answer", seconds);
    return log.messages.at(-1).content;
  },

  speak: (script) => manager.speak(script),

  async talking(seconds) {
    await until("talking", () => log.activity.at(-1) === "TALKING", seconds);
  },

  async silent(seconds) {
    await until("silence", () => log.activity.at(-1) === "IDLE", seconds);
  },

  async videoStops(seconds) {
    await until("the video to start and stop", () => log.video.join().endsWith("START,STOP"), seconds);
  },

  // 2.0 takes the socket's word for it; 1.2 waits for the connection to break.
  async ended(seconds) {
    const reasons = [["disconnected", "inactivity"], ["disconnected", "ended_by_agent"]];
    const ends = [...reasons, ["disconnected"], ["closed"], ["fail"]].map(String);
    await until("the end", () => ends.includes(String(log.states.at(-1))), seconds);
  },

  interrupt: () => manager.interrupt({ type: "click" }),

  async rate() {
    const message = log.messages.findLast((m) => m.role === "assistant");
    const made = await manager.rate(message.id, 1);
    const changed = await manager.rate(message.id, -1, made.id);
    const deleted = await manager.deleteRate(made.id);
    return [made.score, changed.score, deleted.id === made.id];
  },

  feedback: () => manager.submitFeedback(5, "very good"),

  async reconnect() {
    await manager.reconnect();
    return manager.getStreamType();
  },

  disconnect: () => manager.disconnect(),
};
window.ready = true;
