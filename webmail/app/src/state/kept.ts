// A letter that could not be saved stays in this tab only (sessionStorage), under
// the address it was written at; signing out clears it.

const KEPT = 'congvu.draft';

interface Kept {
  at: string;
  draft: unknown;
}

export function keepDraft(draft: unknown): void {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ at: location.hash, draft } satisfies Kept));
  } catch {
    // Full or forbidden: the letter is still on the screen.
  }
}

export const forgetKept = () => sessionStorage.removeItem(KEPT);

function read(): Kept | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') as Kept | null;
  } catch {
    return null;
  }
}

/** Where the kept letter was being written, if there is one. */
export const keptAt = (): string | null => read()?.at ?? null;

/** The kept letter, once, if it was written at this address. */
export function takeKept(): unknown {
  const kept = read();
  if (kept?.at !== location.hash) return null;
  forgetKept();
  return kept.draft;
}
