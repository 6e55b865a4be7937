import "../shared/start.ts";
import "./site.css";
import "./home/home.css";
import "./title/title.css";
import "./upload/upload.css";
import { render } from "preact";
import { startSession } from "../shared/session.ts";
import { App } from "./app.tsx";

startSession();
render(<App />, document.getElementById("app") as HTMLElement);
