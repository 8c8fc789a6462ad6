import type { PageFiles } from "../../http/pages.ts";

/**
 * The files behind the binding PAGES: Cloudflare's static assets, or, in a workerd of one's own, the service that
 * scripts/workerd-bundle.ts makes. Both answer for exact paths only (`html_handling` in wrangler.toml).
 */
export function boundPages(pages: Fetcher | null | undefined): PageFiles | undefined {
  if (!pages) return undefined;
  return {
    async read(path) {
      const response = await pages.fetch(`http://pages/${path}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      return response.ok ? bytes : undefined;
    },
  };
}
