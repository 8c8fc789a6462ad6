/** The operator's dashboard: a page without secrets. Whoever opens it brings a token, and sees what the token may see. */
import { render } from "preact";
import { resumeSession } from "./api/session.ts";
import { startTheme } from "./parts/theme.tsx";
import { Page } from "./views/page.tsx";

startTheme();
await resumeSession();
const place = document.getElementById("app");
if (place) render(<Page />, place);
