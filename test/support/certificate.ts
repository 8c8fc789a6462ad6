/** Certificates for tests: self-signed, for 127.0.0.1, good for a day. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";

export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

export function makeCertificate(folder: string): Certificate {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const keyArgs = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key];
  execFileSync("openssl", ["req", "-x509", ...keyArgs, "-out", cert, "-days", "1", ...subject], { stdio: "pipe" });
  return { cert, key };
}

/** This process's `fetch` and `WebSocket` take it for good from now on, as with NODE_EXTRA_CA_CERTS. */
export function trust({ cert }: Certificate): void {
  setDefaultCACertificates([...getCACertificates("default"), readFileSync(cert, "utf8")]);
}
