import type { SVGAttributes } from "preact";

const PATHS = {
  alert: "M12 8v5m0 3.5v.01M10.3 3.9 2.4 17.6A2 2 0 0 0 4.100 20.600h15.800a2 2 0 0 0 1.700-3L13.700 3.900a2 2 0 0 0-3.400 0z",
  arrowLeft: "M19 12H5m6 6-6-6 6-6",
  audience: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zm-6.500 9a6.500 6.500 0 0 1 13 0m1-9.300a3.500 3.500 0 0 0 0-6.400m5 15.700a6.500 6.500 0 0 0-3.700-5.900",
  captions: "M4 5h16a1.500 1.500 0 0 1 1.500 1.500v11A1.500 1.500 0 0 1 20 19H4a1.500 1.500 0 0 1-1.500-1.500v-11A1.500 1.500 0 0 1 4 5zm6.500 5.500a2.200 2.200 0 1 0 0 3m7-3a2.200 2.200 0 1 0 0 3",
  check: "M5 12.500 10 17.500 19.500 7",
  chevronDown: "m6 9 6 6 6-6",
  chevronLeft: "m15 5-7 7 7 7",
  chevronRight: "m9 5 7 7-7 7",
  close: "M6 6l12 12M18 6 6 18",
  columns: "M4 5h16v14H4zM9.300 5v14M14.700 5v14",
  command: "M9 9h6v6H9zM9 9H6.500A2.500 2.500 0 1 1 9 6.500zm6 0h2.500A2.500 2.500 0 1 0 15 6.500zm0 6h2.500a2.500 2.500 0 1 1-2.500 2.500zm-6 0H6.500A2.500 2.500 0 1 0 9 17.500z",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  cost: "M12 3v18M16.500 7.500C16 6 14.200 5.200 12 5.200c-2.600 0-4.500 1.200-4.500 3.100 0 4.400 9.300 2.300 9.300 7 0 2-2 3.400-4.800 3.400-2.500 0-4.500-1-5-2.900",
  drill: "M13 2 4.500 13.500H11L10 22l9-12h-6.500z",
  edit: "M4 20h4L19.500 8.500a2.100 2.100 0 0 0-3-3L5 17zM14.500 7.500l3 3",
  encode: "M4 5h16v14H4zM4 9.500h16M4 14.500h16M8 5v14M16 5v14",
  film: "M4 4h16v16H4zM8 4v16m8-16v16M4 8h4m-4 4h16M4 16h4m8-8h4m-4 8h4",
  gear: "M12 15.200a3.200 3.200 0 1 0 0-6.400 3.200 3.200 0 0 0 0 6.400zM19.300 14.600l1.700 1.300-2 3.400-2-.8a7.600 7.600 0 0 1-2 1.200l-.3 2.100h-4l-.3-2.100a7.600 7.600 0 0 1-2-1.200l-2 .8-2-3.400 1.700-1.300a7.700 7.700 0 0 1 0-2.400L4.400 10.900l2-3.400 2 .8a7.600 7.600 0 0 1 2-1.200l.3-2.100h4l.3 2.100a7.600 7.600 0 0 1 2 1.200l2-.8 2 3.400-1.700 1.300a7.700 7.700 0 0 1 0 2.400z",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zm0-10v5.500m0-9v.01",
  keyboard: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
  megaphone: "M4 10v4h3l8 4.500v-13L7 10zm14.500-1a4.500 4.500 0 0 1 0 6M7 14l1.500 6h2.500",
  menu: "M4 7h16M4 12h16M4 17h16",
  metrics: "M4 20V4m0 16h16M8 15l3.500-4.500 3 2.500L20 6.500",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  pause: "M7 5h3.500v14H7zM13.500 5H17v14h-3.500z",
  people: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zm-7.500 8.500a7.500 7.500 0 0 1 15 0",
  play: "M7 4.500v15l12.500-7.500z",
  plus: "M12 5v14M5 12h14",
  region: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
  replay: "M4 5v5h5M4.500 10A8 8 0 1 1 4 13.500",
  search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM20 20l-4.800-4.800",
  signOut: "M14 4H5v16h9M10 12h11m-4-4 4 4-4 4",
  sort: "M8 4v16m-4-4 4 4 4-4M16 20V4m-4 4 4-4 4 4",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.400 1.400m11.200 11.200L19 19M5 19l1.400-1.400M17.600 6.400 19 5",
  trash: "M4 7h16M9 7V4h6v3M6.500 7l1 13h9l1-13M10 11v5.500m4-5.500v5.500",
  upload: "M12 16V4m-5 5 5-5 5 5M4 16v4h16v-4",
  warning: "M12 8v5m0 3v.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
} as const;

export type IconName = keyof typeof PATHS;

/** A line drawing of 24 by 24; decoration only, so give its button a name. */
export function Icon({ name, size = 20, solid = false, ...rest }: { name: IconName; size?: number; solid?: boolean } & Omit<SVGAttributes<SVGSVGElement>, "name" | "size">) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill={solid ? "currentColor" : "none"}
      stroke="currentColor"
      stroke-width="1.700"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
      {...rest}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The jewel of the house. */
export function Jewel({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="4 6 24 22" aria-hidden="true" focusable="false">
      <path d="M10 8h12l4.500 6L16 26.500 5.500 14z" fill="#ffb84d" />
      <path d="M10 8l2.500 6L16 26.500 5.500 14z" fill="#ffd28a" />
      <path d="M22 8l-2.500 6L16 26.500 26.500 14z" fill="#d98f24" />
    </svg>
  );
}
