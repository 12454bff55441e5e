// Where the words were found: RFC 8621 §5 SearchSnippet, for the letters in view.
import { request } from '../jmap/client';
import type { Id } from '../jmap/objects';
import { type Found, type Piece, snippets } from '../state/snippets';
import { nfc } from '../ui/format';

/** Letters asked about at once. */
const LETTERS_MAX = 50;

const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&#x27;': "'" };
const plain = (html: string) => nfc(html.replace(/&(?:amp|lt|gt|quot|#39|#x27);/g, (entity) => ENTITIES[entity] ?? entity));

/** The text of a snippet in pieces; nothing but `<mark>` is markup in it, and none of it is ever taken for markup here. */
export function pieces(html: string): Piece[] {
  return html.split(/(<mark>[\s\S]*?<\/mark>)/).filter(Boolean).map((part) => {
    const hit = part.startsWith('<mark>') && part.endsWith('</mark>');
    return { text: plain(hit ? part.slice('<mark>'.length, -'</mark>'.length) : part), hit };
  });
}

interface Snippet {
  emailId: Id;
  subject: string | null;
  preview: string | null;
}

interface Wish {
  ids: Id[];
  search: string;
  filter: Record<string, unknown>;
}

let running = false;
/** What came into view meanwhile. */
let next: Wish | null = null;

/**
 * Asks about those of them that are not known; `search` names the search, `filter` is what it means. One question at a
 * time, of several that wait the last.
 */
export async function follow(ids: Id[], search: string, filter: Record<string, unknown>): Promise<void> {
  next = { ids, search, filter };
  if (running) return;
  running = true;
  try {
    for (let now: Wish | null = next; now; now = next) {
      next = null;
      await look(now);
    }
  } finally {
    running = false;
  }
}

async function look({ ids, search, filter }: Wish): Promise<void> {
  const known = snippets.value.search === search ? snippets.value.found : new Map<Id, Found>();
  const wanted = ids.filter((id) => !known.has(id)).slice(0, LETTERS_MAX);
  if (wanted.length === 0) return;
  const [get] = await request<[{ list: Snippet[] }]>([['SearchSnippet/get', { filter, emailIds: wanted }]]);
  // An answer about what is no longer looked for is of no use.
  if (next !== null && (next as Wish).search !== search) return;
  const none: Found = { subject: null, preview: null };
  const found = new Map<Id, Found>([...known, ...wanted.map((id) => [id, none] as const)]);
  for (const { emailId, subject, preview } of get.list) {
    found.set(emailId, { subject: subject === null ? null : pieces(subject), preview: preview === null ? null : pieces(preview) });
  }
  snippets.value = { search, found };
}
