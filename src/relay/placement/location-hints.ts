/**
 * Where Cloudflare creates objects when it is asked to: its location hints, each with a place that stands for it, as
 * [latitude, longitude]. A hint is a region and not a place, so what is chosen by distance is good to some hundred km.
 * Also places that stand for who is only known by country or continent. Data alone: the rule is in nearest-hint.ts.
 */
export type Place = readonly [latitude: number, longitude: number];

export const LOCATION_HINTS = {
  wnam: [37.4, -121.9], // San José, California
  enam: [39.0, -77.5], // Ashburn
  sam: [-23.5, -46.6], // São Paulo
  weur: [50.1, 8.7], // Frankfurt
  eeur: [52.2, 21.0], // Warsaw
  apac: [22.3, 114.2], // Hong Kong
  "apac-ne": [35.7, 139.7], // Tokyo
  "apac-se": [1.35, 103.8], // Singapore
  oc: [-33.9, 151.2], // Sydney
  afr: [-26.2, 28.0], // Johannesburg
  me: [25.2, 55.3], // Dubai
} as const satisfies Record<string, Place>;
export type LocationHint = keyof typeof LOCATION_HINTS;

/** What Cloudflare calls them (`request.cf.continent`); nobody plays in Antarctica. */
export const CONTINENTS: Readonly<Record<string, Place>> = {
  AF: [-5, 25],
  AS: [22, 112],
  EU: [50, 9],
  NA: [39, -90],
  OC: [-30, 150],
  SA: [-18, -52],
};

/** Only countries that are nearer to another hint than their continent is. ISO 3166-1. */
export const COUNTRIES: Readonly<Record<string, Place>> = {
  AE: [25.2, 55.3],
  AM: [40.2, 44.5],
  AZ: [40.4, 49.9],
  BG: [42.7, 23.3],
  BH: [26.2, 50.6],
  BY: [53.9, 27.6],
  CY: [35.2, 33.4],
  EE: [59.4, 24.7],
  EG: [30.0, 31.2],
  FI: [60.2, 24.9],
  GE: [41.7, 44.8],
  GR: [38.0, 23.7],
  HU: [47.5, 19.0],
  ID: [-6.2, 106.8],
  IL: [32.1, 34.8],
  IN: [19.1, 72.9],
  IQ: [33.3, 44.4],
  IR: [35.7, 51.4],
  JO: [31.9, 35.9],
  JP: [35.7, 139.7],
  KR: [37.6, 127.0],
  KW: [29.4, 48.0],
  KZ: [43.2, 76.9],
  LB: [33.9, 35.5],
  LK: [6.9, 79.9],
  LT: [54.7, 25.3],
  LV: [56.9, 24.1],
  MA: [33.6, -7.6],
  MD: [47.0, 28.9],
  MY: [3.1, 101.7],
  DZ: [36.8, 3.1],
  OM: [23.6, 58.5],
  PK: [24.9, 67.0],
  PL: [52.2, 21.0],
  QA: [25.3, 51.5],
  RO: [44.4, 26.1],
  RS: [44.8, 20.5],
  RU: [55.8, 37.6],
  SA: [24.7, 46.7],
  SG: [1.35, 103.8],
  SK: [48.1, 17.1],
  TH: [13.8, 100.5],
  TN: [36.8, 10.2],
  TR: [41.0, 29.0],
  UA: [50.4, 30.5],
};

/** What Cloudflare can promise to keep an object within, and the hints that lie inside. */
export const JURISDICTIONS = {
  eu: ["weur", "eeur"],
  us: ["wnam", "enam"],
  fedramp: ["wnam", "enam"],
  "fedramp-high": ["wnam", "enam"],
} as const satisfies Record<string, readonly LocationHint[]>;
export type Jurisdiction = keyof typeof JURISDICTIONS;

export function parseJurisdiction(value: unknown): Jurisdiction | undefined {
  return typeof value === "string" && Object.hasOwn(JURISDICTIONS, value) ? (value as Jurisdiction) : undefined;
}

export function parseLocationHint(value: unknown): LocationHint | undefined {
  return typeof value === "string" && Object.hasOwn(LOCATION_HINTS, value) ? (value as LocationHint) : undefined;
}
