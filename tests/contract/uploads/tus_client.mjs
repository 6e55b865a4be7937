// Sends a file by tus-js-client, is stopped after the first piece, and goes on in a second Upload object.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [address, token, path, modules] = process.argv.slice(2);
const tus = createRequire(`${modules}/`)("tus-js-client");
const content = readFileSync(path);
const chunkSize = Math.ceil(content.length / 4);
const options = {
  endpoint: `${address}/api/tus`,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: "by tus-js-client.mp4" },
  chunkSize,
  retryDelays: [0, 100],
};

const place = await new Promise((resolve, reject) => {
  const upload = new tus.Upload(content, {
    ...options,
    onError: reject,
    onChunkComplete: (_, sent) => sent >= chunkSize && void upload.abort().then(() => resolve(upload.url)),
  });
  upload.start();
});
await new Promise((resolve, reject) => {
  new tus.Upload(content, { ...options, uploadUrl: place, onError: reject, onSuccess: resolve }).start();
});
console.log(place);
