// The REST API (docs/admin-api.md), for what JMAP has no word for: where a
// letter went, where one's mail goes on to. The same session opens it.
import { lang } from '../ui/i18n';
import { ask } from './client';

const ROOT = '/api/v1/';

/** RFC 9457: the server says no, and why in the person's language. */
export class Refused extends Error {
  constructor(readonly status: number, detail: string) {
    super(detail);
  }
}

interface Problem {
  detail?: string;
  errors?: { field: string; detail: string }[];
}

/** One call. `version`: as it was read (`If-Match`). Throws [`Refused`] or `Unreachable`. */
export async function rest<T>(path: string, change?: { method: string; body: unknown; version?: number }): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json', 'accept-language': lang.value };
  if (change) headers['content-type'] = 'application/json';
  if (change?.version !== undefined) headers['if-match'] = `"${change.version}"`;
  const answer = await ask(ROOT + path, { method: change?.method ?? 'GET', headers, body: change && JSON.stringify(change.body) });
  if (answer.ok) return (await answer.json()) as T;
  const problem = (await answer.json().catch(() => ({}))) as Problem;
  throw new Refused(answer.status, problem.errors?.[0]?.detail ?? problem.detail ?? String(answer.status));
}

/** The API counts accounts where JMAP names them: `a42` is 42. */
export const numberOf = (account: string) => account.replace(/^a/, '');
