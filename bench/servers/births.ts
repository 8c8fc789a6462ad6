/** The bare forwarder with a count of its objects' lives (bench/waking.ts). */
import { type RunningServer, peersByNumber } from "./server.ts";
import { startWorker } from "./workerd.ts";

export function bareBirths(): Promise<RunningServer> {
  return startWorker({
    file: "bare-births.js",
    className: "Forwarder",
    binding: "FORWARDER",
    protocol: "bare",
    peers: (count) => peersByNumber(count, (index) => `/?peer=${index}`),
  });
}
