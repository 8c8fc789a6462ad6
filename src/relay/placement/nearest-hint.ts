import {
  CONTINENTS,
  COUNTRIES,
  JURISDICTIONS,
  type Jurisdiction,
  LOCATION_HINTS,
  type LocationHint,
  type Place,
} from "./location-hints.ts";

/** Where somebody is, as far as it is known. */
export interface Whereabouts {
  readonly latitude?: number | undefined;
  readonly longitude?: number | undefined;
  readonly country?: string | undefined;
  readonly continent?: string | undefined;
}

const EVERYWHERE = Object.keys(LOCATION_HINTS) as LocationHint[];

/**
 * The hint nearest to who is there, of those within the jurisdiction. Undefined where nothing is known: the platform then
 * creates an object near the worker that asks, which is near the client.
 */
export function nearestHint(whereabouts: Whereabouts, jurisdiction?: Jurisdiction): LocationHint | undefined {
  const place = placeOf(whereabouts);
  if (!place) return undefined;
  const hints: readonly LocationHint[] = jurisdiction ? JURISDICTIONS[jurisdiction] : EVERYWHERE;
  let nearest: LocationHint | undefined;
  let least = Infinity;
  for (const hint of hints) {
    const distance = distanceKm(place, LOCATION_HINTS[hint]);
    if (distance >= least) continue;
    least = distance;
    nearest = hint;
  }
  return nearest;
}

const EARTH_RADIUS_KM = 6_371;

/** Along the great circle (haversine). */
export function distanceKm([latitudeA, longitudeA]: Place, [latitudeB, longitudeB]: Place): number {
  const halfLatitude = radians(latitudeB - latitudeA) / 2;
  const halfLongitude = radians(longitudeB - longitudeA) / 2;
  const chord =
    Math.sin(halfLatitude) ** 2 +
    Math.cos(radians(latitudeA)) * Math.cos(radians(latitudeB)) * Math.sin(halfLongitude) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)));
}

function placeOf({ latitude, longitude, country, continent }: Whereabouts): Place | undefined {
  if (isWithin(latitude, 90) && isWithin(longitude, 180)) return [latitude, longitude];
  return COUNTRIES[country ?? ""] ?? CONTINENTS[continent ?? ""];
}

function isWithin(degrees: number | undefined, most: number): degrees is number {
  return degrees !== undefined && Math.abs(degrees) <= most; // false for what is no number
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
