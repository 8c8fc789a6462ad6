/** End-to-end encryption of a connection, for relays that one does not trust. An entry of its own: docs/encryption.md. */
export type { Certificate, IssuerKey } from "./certificate.ts";
export { type Identity, type IdentityOptions, generateIdentity } from "./identity.ts";
export { type EncryptOptions, SecureConnection, type SecureMessage, encrypt } from "./secure-connection.ts";
