/** Of package.json, which a worker cannot read; a test holds them together. */
export const VERSION = "0.1.0";
