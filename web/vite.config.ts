import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  build: {
    outDir: "../src/bijou/web",
    emptyOutDir: true,
    target: "es2022",
    // hls.js alone is over the default of 500 kB; it loads only where a film is played.
    chunkSizeWarningLimit: 900,
    rollupOptions: { input: { site: "index.html", console: "console/index.html" } },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8800", "/healthz": "http://127.0.0.1:8800" } },
});
