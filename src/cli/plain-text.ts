/** What a relay says, such as the reason of a ban, must not steer the terminal, nor look like another line. */
export function plainText(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}
