/**
 * Where players are, and where objects can be. A place stands for the players around it, and is a region of Azure because
 * the way between those is published (latency.ts).
 */

import type { LocationHint } from "../../src/relay/placement/location-hints.ts";

export const AREAS = ["North America", "South America", "Europe", "Middle East and Africa", "Asia", "Oceania"] as const;
export type Area = (typeof AREAS)[number];

export interface Place {
  /** As Azure calls it. */
  readonly region: string;
  readonly title: string;
  /** Degrees, north and east. */
  readonly at: readonly [latitude: number, longitude: number];
  readonly area: Area;
  /** Of all players, in per cent. */
  readonly share: number;
}

/**
 * Shares. Published are those of whole areas, as of the traffic of Steam in July 2025 (Valve's bandwidth map, counted by
 * GameDiscoverCo, quoted at gam3s.gg "Asia dominates Steam's global activity"): North America 22.8 % (USA 20.4), Western
 * Europe 15.1, Asia 32.2 (China 26.1, Japan 2.5, Taiwan 1.0). How they divide further, and the other 29.9 %, are assumed.
 * Traffic is not players, but nothing closer is published for all of the world. Eastern Europe and Russia stand at
 * Warsaw, China and Taiwan at Hong Kong.
 */
export const PLACES: readonly Place[] = [
  { region: "West US", title: "San Francisco", at: [37.78, -122.42], area: "North America", share: 5.4 },
  { region: "South Central US", title: "San Antonio", at: [29.42, -98.5], area: "North America", share: 5.0 },
  { region: "North Central US", title: "Chicago", at: [41.88, -87.63], area: "North America", share: 4.4 },
  { region: "East US", title: "Virginia", at: [37.37, -79.82], area: "North America", share: 5.6 },
  { region: "Canada Central", title: "Toronto", at: [43.65, -79.38], area: "North America", share: 1.8 },
  { region: "Mexico Central", title: "Querétaro", at: [20.59, -100.39], area: "North America", share: 0.6 },
  { region: "Brazil South", title: "São Paulo", at: [-23.55, -46.63], area: "South America", share: 6.5 },
  { region: "UK South", title: "London", at: [51.51, -0.13], area: "Europe", share: 3.6 },
  { region: "West Europe", title: "Amsterdam", at: [52.37, 4.9], area: "Europe", share: 1.6 },
  { region: "Germany West Central", title: "Frankfurt", at: [50.11, 8.68], area: "Europe", share: 4.4 },
  { region: "France Central", title: "Paris", at: [48.86, 2.35], area: "Europe", share: 2.2 },
  { region: "Spain Central", title: "Madrid", at: [40.42, -3.7], area: "Europe", share: 1.2 },
  { region: "Italy North", title: "Milan", at: [45.46, 9.19], area: "Europe", share: 0.9 },
  { region: "Sweden Central", title: "Gävle", at: [60.67, 17.14], area: "Europe", share: 1.2 },
  { region: "Poland Central", title: "Warsaw", at: [52.23, 21.01], area: "Europe", share: 17.0 },
  { region: "UAE North", title: "Dubai", at: [25.27, 55.3], area: "Middle East and Africa", share: 2.6 },
  {
    region: "South Africa North",
    title: "Johannesburg",
    at: [-26.2, 28.05],
    area: "Middle East and Africa",
    share: 1.0,
  },
  { region: "Central India", title: "Pune", at: [18.52, 73.86], area: "Asia", share: 0.7 },
  { region: "East Asia", title: "Hong Kong", at: [22.27, 114.19], area: "Asia", share: 27.1 },
  { region: "Japan East", title: "Tokyo", at: [35.68, 139.77], area: "Asia", share: 2.5 },
  { region: "Korea Central", title: "Seoul", at: [37.57, 126.98], area: "Asia", share: 0.9 },
  { region: "Southeast Asia", title: "Singapore", at: [1.28, 103.83], area: "Asia", share: 0.7 },
  { region: "Indonesia Central", title: "Jakarta", at: [-6.2, 106.82], area: "Asia", share: 0.3 },
  { region: "Australia East", title: "Sydney", at: [-33.86, 151.21], area: "Oceania", share: 2.4 },
  { region: "New Zealand North", title: "Auckland", at: [-36.85, 174.76], area: "Oceania", share: 0.4 },
];

export interface Hint {
  readonly name: LocationHint;
  /** Where an object with this hint is taken to be: a region of PLACES. */
  readonly region: string;
}

/**
 * Cloudflare's location hints, all eleven. The platform promises no city, and may choose a neighbour: me and afr have been
 * served from elsewhere.
 */
export const HINTS: readonly Hint[] = [
  { name: "wnam", region: "West US" },
  { name: "enam", region: "East US" },
  { name: "sam", region: "Brazil South" },
  { name: "weur", region: "West Europe" },
  { name: "eeur", region: "Poland Central" },
  { name: "apac", region: "East Asia" },
  { name: "apac-ne", region: "Japan East" },
  { name: "apac-se", region: "Southeast Asia" },
  { name: "oc", region: "Australia East" },
  { name: "afr", region: "South Africa North" },
  { name: "me", region: "UAE North" },
];
