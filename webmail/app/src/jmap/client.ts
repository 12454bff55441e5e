// RFC 8620 §3: one request per act, result references instead of round trips.
import { signal } from '@preact/signals';
import type { Id, Session } from './objects';

const CORE = 'urn:ietf:params:jmap:core';
const MAIL = 'urn:ietf:params:jmap:mail';
const SUBMISSION = 'urn:ietf:params:jmap:submission';
const PRINCIPALS = 'urn:ietf:params:jmap:principals';
const MDN = 'urn:ietf:params:jmap:mdn';
const VACATION = 'urn:ietf:params:jmap:vacationresponse';

/** Requests in flight at once; the rest wait, so quick fingers make no storm. */
const IN_FLIGHT_MAX = 4;
const REQUEST_TIMEOUT_MS = 30_000;
/** RFC 8620 §3.6.1 maxConcurrentRequests: other pages of the same person ask as well; tried again after these times. */
const BUSY_MS = [500, 1_500, 4_000];

export type Call = [name: string, args: Record<string, unknown>];

/** The server could not be reached, or answered with something that is not JMAP. */
export class Unreachable extends Error {}

/** The server was reached and said no to the whole request (4xx): nothing of it was done. */
export class Refused extends Error {}

/** Nobody is signed in any more; the page goes away. */
export class SignedOut extends Refused {}

/** RFC 8620 §3.6.2: one method of the request failed. */
export class MethodError extends Error {
  constructor(readonly type: string, description?: string) {
    super(description ?? type);
  }
}

/** RFC 8620 §3.7: the value at `path` of the answer to call number `of`. */
export const from = (of: number, name: string, path: string) => ({ resultOf: String(of), name, path });

const session = signal<Session | null>(null);
let inFlight = 0;
const waiting: (() => void)[] = [];

export const reach = {
  /** Told after each request whether the server was reached. */
  changed: (_reached: boolean) => {},
  /** Told once for each state of the session that is not the one we know (RFC 8620 §3.4). */
  session: () => {},
  /** Told when the account of this page is no longer there for this person. */
  lost: () => {},
  /** The page is on its way to the sign-in. */
  signedOut: false,
};

/** Whose mail this page shows; anything else than an account of the session means one's own. */
const ASKED = new URLSearchParams(location.search).get('account');
/** Chosen once: an account that goes away must never make its ids be taken for another's. */
let viewed: Id | null = null;

export function useSession(given: Session): void {
  session.value = given;
  viewed ??= ASKED && given.accounts[ASKED] ? ASKED : ownAccountId();
}

export function currentSession(): Session {
  if (!session.value) throw new Unreachable('no session yet');
  return session.value;
}

export async function fetchSession(): Promise<Session> {
  const answer = await send('/jmap/session', { headers: { accept: 'application/json' } });
  return json<Session>(answer);
}

export function ownAccountId(): Id {
  const { primaryAccounts, accounts } = currentSession();
  return primaryAccounts[MAIL] ?? Object.keys(accounts)[0] ?? '';
}

export const accountId = (): Id => viewed ?? ownAccountId();

export const isOwn = () => accountId() === ownAccountId();

/** The address names an account that is not shared with this person (any more). */
export const isAskedMissing = () => ASKED !== null && ASKED !== accountId();

/** Arguments for a call on one's own account: what is written and sent is one's own, whoever's mail is shown. */
export const own = (args: Record<string, unknown>) => ({ accountId: ownAccountId(), ...args });

/** A limit of RFC 8620 §2, or `otherwise` when the server names none. */
export function limit(name: string, otherwise: number): number {
  const value = session.value?.capabilities[CORE]?.[name];
  return typeof value === 'number' ? value : otherwise;
}

/** Addresses of the session may name another host than the one in the address bar. */
function local(url: string): string {
  return url.replace(/^https?:\/\/[^/]+/, '');
}

const fill = (template: string, values: Record<string, string>) =>
  local(template).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));

/** What is uploaded is for a letter of one's own. */
export const uploadAddress = () => fill(currentSession().uploadUrl, { accountId: ownAccountId() });

export const downloadAddress = (blobId: Id, name: string, type: string) =>
  fill(currentSession().downloadUrl, { accountId: accountId(), blobId, name, type });

export const eventAddress = () =>
  fill(currentSession().eventSourceUrl, { types: '*', closeafter: 'no', ping: '30' });

/** The cleaned document of a letter (`ui/README.md` section 6). */
export const letterAddress = (email: Id, images: boolean) =>
  `/mail/html/${encodeURIComponent(accountId())}/${encodeURIComponent(email)}?images=${images ? 1 : 0}`;

/** Any answer of the server but a failure of its own; one at a time where many are asked for. */
export async function ask(url: string, init: RequestInit): Promise<Response> {
  if (inFlight >= IN_FLIGHT_MAX && !init.keepalive) await new Promise<void>((resume) => waiting.push(resume));
  inFlight += 1;
  let answer: Response;
  try {
    answer = await fetch(url, { credentials: 'same-origin', ...init, signal: AbortSignal.any([AbortSignal.timeout(REQUEST_TIMEOUT_MS), ...(init.signal ? [init.signal] : [])]) });
  } catch (error) {
    // What is no longer wanted says nothing of the server.
    if (!init.signal?.aborted) reach.changed(false);
    throw new Unreachable(String(error));
  } finally {
    inFlight -= 1;
    waiting.shift()?.();
  }
  if (answer.status === 401) {
    reach.signedOut = true;
    location.assign('/login');
    throw new SignedOut('signed out');
  }
  reach.changed(answer.status < 500);
  if (answer.status >= 500) throw new Unreachable(`${answer.status}`);
  return answer;
}

async function send(url: string, init: RequestInit): Promise<Response> {
  for (const wait of [...BUSY_MS, null]) {
    const answer = await ask(url, init);
    if (answer.ok) return answer;
    if (answer.status !== 429 || wait === null || init.keepalive) throw new Refused(`${answer.status}`);
    await new Promise((resume) => { setTimeout(resume, wait); });
  }
  throw new Refused('busy');
}

/** An answer that was cut off on its way is none: what it would have said is not known. */
async function json<T>(answer: Response, signal?: AbortSignal): Promise<T> {
  try {
    return (await answer.json()) as T;
  } catch (error) {
    if (!signal?.aborted) reach.changed(false);
    throw new Unreachable(String(error));
  }
}

/**
 * Sends `calls` as one request and gives the arguments of each call's own
 * answer, in order. The first method error is thrown; `keepalive` lets the
 * request outlive the page, `signal` gives it up.
 */
export async function request<T extends unknown[]>(calls: Call[], keepalive = false, signal?: AbortSignal): Promise<T> {
  const answers = await settle(calls, keepalive, signal);
  for (const answer of answers) if (answer instanceof MethodError) throw answer;
  return answers as T;
}

/** As [`request`], but a failed method is given as a value in its place. */
export async function settle(calls: Call[], keepalive = false, signal?: AbortSignal): Promise<unknown[]> {
  const account = accountId();
  const body = JSON.stringify({
    using: [CORE, MAIL, SUBMISSION, PRINCIPALS, VACATION, MDN],
    methodCalls: calls.map(([name, args], index) => [name, { accountId: account, ...args }, String(index)]),
  });
  const answer = await send(local(currentSession().apiUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-congvu': '1' },
    body,
    keepalive,
    ...(signal ? { signal } : {}),
  });
  const { methodResponses, sessionState } =
    await json<{ methodResponses: [string, unknown, string][]; sessionState?: string }>(answer, signal);
  compare(sessionState);
  return calls.map(([name, args], index) => {
    const answers = methodResponses.filter((response) => response[2] === String(index));
    const good = answers.find((response) => response[0] === name);
    if (good) return good[1];
    const failed = (answers[0]?.[1] ?? {}) as { type?: string; description?: string };
    if (failed.type === 'accountNotFound' && (args.accountId ?? account) === account && !isOwn()) reach.lost();
    return new MethodError(failed.type ?? 'serverFail', failed.description);
  });
}

let told: string | undefined;

/** RFC 8620 §3.4: another state means that accounts came or went; asked about once each. */
function compare(state: string | undefined): void {
  if (!state || state === currentSession().state || state === told) return;
  told = state;
  reach.session();
}
