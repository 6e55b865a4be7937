/** The web components of media-chrome, as JSX knows them. */

import type { ComponentChildren, HTMLAttributes, Ref } from "preact";

interface MediaElement extends HTMLAttributes<HTMLElement> {
  children?: ComponentChildren;
  ref?: Ref<HTMLElement>;
  [attribute: string]: unknown;
}

declare module "preact" {
  namespace JSX {
    interface IntrinsicElements {
      "media-controller": MediaElement;
      "media-control-bar": MediaElement;
      "media-play-button": MediaElement;
      "media-seek-backward-button": MediaElement;
      "media-seek-forward-button": MediaElement;
      "media-mute-button": MediaElement;
      "media-volume-range": MediaElement;
      "media-time-range": MediaElement;
      "media-preview-thumbnail": MediaElement;
      "media-preview-time-display": MediaElement;
      "media-pip-button": MediaElement;
      "media-fullscreen-button": MediaElement;
      "media-loading-indicator": MediaElement;
    }
  }

  interface HTMLAttributes<RefType extends EventTarget = EventTarget> {
    /** Stays in sight when media-controller hides the controls. */
    noautohide?: boolean;
  }
}
