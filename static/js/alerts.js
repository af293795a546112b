// The alert centre.

import { follow, sendForms } from "./parts.js";

sendForms();
follow((frame) => frame.type === "alert");
