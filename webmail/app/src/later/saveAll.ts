// Fetches all files of a letter and gives them to the browser as one archive.
import { downloadAddress } from '../jmap/client';
import type { Part } from '../jmap/objects';
import { tell } from '../state/toast';
import { size } from '../ui/format';
import { t } from '../ui/i18n';
import { names, zip } from './zip';

/** The archive is made in memory: more than this is for a computer's program. */
const OCTETS_MAX = 300_000_000;
/** The address of the archive is let go of after this time; the download has begun long before. */
const KEPT_MS = 60_000;

export async function saveAll(parts: Part[], called: (part: Part) => string, archive: string): Promise<void> {
  if (parts.reduce((sum, part) => sum + part.size, 0) > OCTETS_MAX) return void tell(t().zipTooBig(size(OCTETS_MAX)), undefined, 'bad');
  tell(t().zipping(parts.length));
  try {
    const free = names(parts.map(called));
    const entries = [];
    for (const [index, part] of parts.entries()) {
      const answer = await fetch(downloadAddress(part.blobId ?? '', called(part), part.type), { credentials: 'same-origin' });
      if (!answer.ok) throw new Error(String(answer.status));
      entries.push({ name: free[index] ?? '', data: new Uint8Array(await answer.arrayBuffer()) });
    }
    const link = document.createElement('a');
    link.href = URL.createObjectURL(zip(entries, new Date()));
    link.download = `${names([archive])[0] ?? '_'}.zip`;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
  } catch {
    tell(t().zipFailed, undefined, 'bad');
  }
}
