// A letter that could not be saved stays in this tab only (sessionStorage), under
// the address it was written at; signing out clears it. Nobody else who signs in
// here later gets it, and it is never taken for an answer to another's letter.
import { boot } from '../boot';

const KEPT = 'congvu.draft';

interface Kept {
  who: string;
  at: string;
  draft: unknown;
}

/** Ids in the address mean letters of the account that the page shows. */
const here = () => location.search + location.hash;

export function keepDraft(draft: unknown): void {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ who: boot.address, at: here(), draft } satisfies Kept));
  } catch {
    // Full or forbidden: the letter is still on the screen.
  }
}

export const forgetKept = () => sessionStorage.removeItem(KEPT);

function read(): Kept | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') as Kept | null;
    if (!kept || kept.who === boot.address) return kept;
  } catch {
    // Broken: as good as none.
  }
  forgetKept();
  return null;
}

/** Where the kept letter was being written, if there is one. */
export const keptAt = (): string | null => read()?.at ?? null;

/** The kept letter, once, if it was written at this address. */
export function takeKept(): unknown {
  const kept = read();
  if (kept?.at !== here()) return null;
  forgetKept();
  return kept.draft;
}
