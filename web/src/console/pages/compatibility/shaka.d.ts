declare module "shaka-player/dist/shaka-player.compiled-es2021.js" {
  export { default } from "shaka-player";
}
