import "../shared/start.ts";
import "./console.css";
import "./table/table.css";
import { render } from "preact";
import { startSession } from "../shared/session.ts";
import { App } from "./app.tsx";

startSession();
render(<App />, document.getElementById("app") as HTMLElement);
