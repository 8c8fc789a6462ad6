/** `GET /metrics`: all apps for Prometheus, from what rooms have reported; no room is asked, or woken. */
import { Hono } from "hono";
import { ID_RULES, parseAppId } from "../protocol/index.ts";
import type { Platform, RelayEnvironment } from "./gateway.ts";
import type { Checked } from "./join.ts";
import type { Operators } from "./admin/operators.ts";
import { MAX_NAMED_APPS, type ShownApps, figuresOfApps } from "./metrics-apps.ts";
import { APP_METRICS, RELAY_METRICS } from "./metrics-list.ts";
import { type Labels, type MetricHead, METRICS_CONTENT_TYPE, type Sample, writeMetric } from "./metrics-text.ts";
import { problem } from "./problem.ts";
import { VERSION } from "./version.ts";

export function metricsRoutes<Env extends RelayEnvironment>(
  platform: Platform<Env>,
  operators: Operators<Env>,
): Hono<{ Bindings: Env }> {
  const routes = new Hono<{ Bindings: Env }>();

  routes.get("/metrics", async (c) => {
    const operator = await operators.identify(c);
    if (!operator.ok) return operator.refusal;
    const allowed: ReadonlySet<number> | undefined = operator.value.apps;
    const chosen = readApps(c.req.queries("app"));
    if (!chosen.ok) return chosen.refusal;
    const apps = await figuresOfApps(
      platform.rooms(c.env).directory,
      (app) => (allowed?.has(app) ?? true) && (chosen.value?.has(app) ?? true),
      (app, error) => platform.log({ level: "error", event: "metrics_failed", app, error: String(error) }),
    );
    const text = writeMetrics({ version: VERSION, runtime: platform.runtime }, apps, platform.now());
    return c.body(text, 200, { "content-type": METRICS_CONTENT_TYPE, "cache-control": "no-store" });
  });

  return routes;
}

export function writeMetrics(build: Labels, { shown, known, unshown }: ShownApps, now: number): string {
  const { buildInfo, apps, unshown: left } = RELAY_METRICS;
  const relay = [figure(buildInfo, 1, build), figure(apps, known), figure(left, unshown)];
  const ofApps = APP_METRICS.map((metric) => {
    const samples = shown.flatMap(({ labels, figures }) => metric.samples(figures, now).map(within(labels)));
    return writeMetric(metric, samples);
  });
  return [...relay, ...ofApps].join("");
}

function figure(head: MetricHead, value: number, labels: Labels = {}): string {
  return writeMetric(head, [{ labels, value }]);
}

function within(app: Labels): (sample: Sample) => Sample {
  return ({ labels, value }) => ({ labels: { ...app, ...labels }, value });
}

/** `?app=480&app=730`: only these. Undefined without any. */
function readApps(texts: readonly string[] = []): Checked<ReadonlySet<number> | undefined> {
  if (texts.length > MAX_NAMED_APPS) {
    return { ok: false, refusal: problem("invalid_app_id", `name at most ${MAX_NAMED_APPS} apps`) };
  }
  const apps = new Set<number>();
  for (const text of texts) {
    const app = parseAppId(text);
    if (app === undefined) return { ok: false, refusal: problem("invalid_app_id", `app must be ${ID_RULES.app}`) };
    apps.add(app);
  }
  return { ok: true, value: apps.size === 0 ? undefined : apps };
}
