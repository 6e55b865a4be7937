/** Fonts and the styles that both entries share. */

import "@fontsource-variable/hanken-grotesk/wght.css";
import "@fontsource-variable/fraunces/opsz.css";
import "./tokens.css";
import "./base.css";
import "./components.css";
