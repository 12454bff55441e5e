// What the server put into the page so that the first paint needs no round trip.
import type { EmailRow, Mailbox, Principal, QueryResponse, Session } from './jmap/objects';

export interface Boot {
  session: Session | null;
  name: string;
  address: string;
  /** The name by which our server signs what it takes (Received, Authentication-Results). */
  host: string | null;
  agency: string | null;
  agencyEn: string | null;
  lang: 'vi' | 'en' | null;
  mailboxes: Mailbox[] | null;
  query: QueryResponse | null;
  emails: EmailRow[] | null;
  /** Who shares something with this person. */
  principals: Principal[] | null;
}

const EMPTY: Boot = {
  session: null, name: '', address: '', host: null, agency: null, agencyEn: null, lang: null, mailboxes: null, query: null, emails: null,
  principals: null,
};

/** Reads the boot block; a missing or broken one only costs round trips. */
export function readBoot(text = document.getElementById('boot')?.textContent ?? 'null'): Boot {
  try {
    return { ...EMPTY, ...(JSON.parse(text) as Partial<Boot> | null) };
  } catch {
    return EMPTY;
  }
}

export const boot = readBoot();
