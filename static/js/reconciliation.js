// A day beside what the providers list: drawn anew when an alert tells of something found.

import { follow } from "./parts.js";

follow((frame) => frame.type === "alert");
