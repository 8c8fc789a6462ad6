/** `npm run check:size`: what a page loads, minified and gzipped, by what it imports. Fails above a budget. */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { PAGES, buildPages, gzippedSize } from "./build-pages.ts";

interface Bundle {
  readonly name: string;
  readonly imports: string;
  /** Bytes. */
  readonly budget: number;
}

const STEAM = "./src/client/steam/index.ts";
const CLIENT = 'export { connect } from "./src/client/index.ts";';

const BUNDLES: readonly Bundle[] = [
  { name: "the client", imports: 'export * from "./src/client/index.ts";', budget: 18.5 * 1024 },
  {
    name: "connect + NetworkingSockets",
    imports: `${CLIENT} export { NetworkingSockets } from "${STEAM}";`,
    budget: 21 * 1024,
  },
  {
    name: "connect + NetworkingMessages",
    imports: `${CLIENT} export { NetworkingMessages } from "${STEAM}";`,
    budget: 20.5 * 1024,
  },
  {
    name: "connect + P2PNetworking",
    imports: `${CLIENT} export { P2PNetworking } from "${STEAM}";`,
    budget: 20 * 1024,
  },
  { name: "connect + P2PSockets", imports: `${CLIENT} export { P2PSockets } from "${STEAM}";`, budget: 19.5 * 1024 },
  {
    name: "the client and all four families",
    imports: `export * from "./src/client/index.ts"; export * from "${STEAM}";`,
    budget: 24.75 * 1024,
  },
  {
    name: "connect + createTicker",
    imports: `${CLIENT} export * from "./src/client/ticker/index.ts";`,
    budget: 18.5 * 1024,
  },
  {
    name: "the client, groups and hosting",
    imports:
      'export * from "./src/client/index.ts"; export * from "./src/client/groups/index.ts"; export * from "./src/client/hosting/index.ts";',
    budget: 20.5 * 1024,
  },
  {
    name: "the client and multicast",
    imports: 'export * from "./src/client/index.ts"; export * from "./src/client/multicast/index.ts";',
    budget: 19.5 * 1024,
  },
  { name: "the lobby list alone", imports: 'export * from "./src/client/lobby/index.ts";', budget: 1.25 * 1024 },
  {
    name: "connect + RoomProbe, probeRegions",
    imports: `${CLIENT} export * from "./src/client/probe/index.ts";`,
    budget: 19.5 * 1024,
  },
  {
    name: "the client and encryption",
    imports: `${CLIENT} export * from "./src/client/encryption/index.ts";`,
    budget: 24.25 * 1024,
  },
];

async function sizeOf(imports: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: imports, resolveDir: `${import.meta.dirname}/..`, loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2023",
    write: false,
  });
  return gzipSync(outputFiles[0]?.contents ?? new Uint8Array(), { level: 9 }).length;
}

function judge(name: string, size: number, budget: number): void {
  const verdict = size <= budget ? "" : "  ABOVE ITS BUDGET";
  console.log(`${String(size).padStart(6)} of ${budget} bytes  ${name}${verdict}`);
  if (size > budget) process.exitCode = 1;
}

for (const { name, imports, budget } of BUNDLES) judge(name, await sizeOf(imports), budget);
const files = await buildPages();
for (const page of PAGES) judge(`/${page.path}/, all that it may load`, gzippedSize(page, files), page.budget);
