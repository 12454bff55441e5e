// What a timeline says to a person: one headline, a line for each recipient, the
// steps behind it. Pure: tested without a page.
import type { IconName } from '../ui/icon-names';
import type { Happening, Item, Progress, State, Timeline } from './objects';
import type { TraceTexts } from './vi';

export type Tone = 'ok' | 'wait' | 'bad' | 'plain';

const TONES: Record<State, Tone> = {
  placed: 'ok', relayed: 'ok', sent_on: 'ok', scheduled: 'plain', waiting: 'wait', held: 'wait', failed: 'bad',
};
const ICONS: Record<Tone, IconName> = { ok: 'circle-check', wait: 'clock', bad: 'triangle-alert', plain: 'clock' };

export const toneOf = (state: State) => TONES[state];
export const iconOf = (tone: Tone) => ICONS[tone];
export const isArrived = (state: State) => TONES[state] === 'ok';

/** Whether something may still change by itself. */
export const isUnderway = (state: State) => state === 'waiting' || state === 'held' || state === 'scheduled';

/** The sentence over all; `states`: of every recipient. */
export function headline(states: State[], words: TraceTexts, number: (n: number) => string): { tone: Tone; text: string } {
  const count = (...wanted: State[]) => states.filter((state) => wanted.includes(state)).length;
  const of = number(states.length);
  const failed = count('failed');
  if (failed > 0) return { tone: 'bad', text: words.failedOf(number(failed), of) };
  const held = count('held');
  if (held > 0) return { tone: 'wait', text: words.heldOf(number(held), of) };
  const waiting = count('waiting');
  if (waiting > 0) return { tone: 'wait', text: words.waitingOf(number(waiting), of) };
  if (count('scheduled') > 0) return { tone: 'plain', text: words.scheduled };
  if (states.length > 1) return { tone: 'ok', text: words.arrivedAll(of) };
  const one = { placed: words.arrivedOne, relayed: words.relayedOne, sent_on: words.sentOnOne }[states[0] as 'placed'];
  return { tone: 'ok', text: one ?? words.arrivedOne };
}

/** Those whose letter is in trouble first, else in the order of the envelope. */
export function sorted(progress: Progress[]): Progress[] {
  const rank: Record<Tone, number> = { bad: 0, wait: 1, plain: 2, ok: 3 };
  return [...progress].sort((a, b) => rank[toneOf(a.state)] - rank[toneOf(b.state)]);
}

/** What stands under a recipient's name: state, when, and until when it waits. */
export function standing(one: Progress, words: TraceTexts, time: (iso: string) => string, now = Date.now()): string {
  const said = words.state[one.state];
  if (one.state === 'waiting') {
    const later = one.next_try && Date.parse(one.next_try) > now;
    return `${said}, ${later && one.next_try ? words.retryAt(time(one.next_try)) : words.retrySoon}`;
  }
  if (one.state === 'scheduled' && one.next_try) return `${said}, ${words.goesAt(time(one.next_try))}`;
  return `${said} · ${time(one.at)}`;
}

/** `5.1.1 mx[192.0.2.1] said to RCPT TO: 550 no` (docs/sending.md): who, and his own words. */
export function answer(said: string): { host: string | null; words: string } {
  const match = /^\d\.\d+\.\d+ (?:not delivered in time: )?(\S+) said to [^:]+: (.*)$/s.exec(said);
  if (match?.[1] !== undefined && match[2] !== undefined) return { host: match[1].replace(/\[.*$/, ''), words: match[2] };
  return { host: null, words: said };
}

/** `TLSv1.3 TLS13_AES_256_GCM_SHA384; DANE; verified` in words. */
export function encryption(tls: string | null, words: TraceTexts): string {
  if (!tls) return words.clear;
  const [session = '', , verified] = tls.split(';').map((part) => part.trim());
  const version = session.split(' ')[0]?.replace(/^TLSv1_?/, 'TLS 1.').replace('TLS 1..', 'TLS 1.') ?? '';
  return words.encrypted(version) + (verified === 'verified' ? `, ${words.verified}` : '');
}

export interface Step {
  at: string;
  tone: Tone;
  text: string;
  /** TLS of the way. */
  tls?: string;
  /** Word for word. */
  said?: string;
}

function first(message: Item, words: TraceTexts): Step {
  const { origin } = message;
  const by = origin.protocol === 'JMAP' ? words.byWeb : words.byProgram(origin.ip ?? origin.helo ?? '?');
  return { at: message.accepted_at, tone: 'plain', text: words.accepted(by) };
}

function tried(event: Happening, recipient: string, words: TraceTexts): Step[] {
  return event.results.filter((result) => result.recipients.includes(recipient)).map(({ outcome, said }): Step => {
    const spoken = answer(said);
    const host = spoken.host ?? event.hop;
    const tone: Tone = outcome === 'relayed' ? 'ok' : outcome === 'failed' ? 'bad' : 'wait';
    const none = outcome === 'failed' ? words.refused : words.deferred;
    const text = { relayed: words.relayedBy, deferred: words.deferredBy, failed: words.failedBy }[outcome];
    // Where nobody was asked, or nobody answered, no server refused.
    const named = host && (spoken.host || outcome !== 'failed');
    return { at: event.at, tone, text: named ? text(host) : none, said: spoken.words, ...(event.tls ? { tls: encryption(event.tls, words) } : {}) };
  });
}

function told(event: Happening, words: TraceTexts): Step {
  const text = !event.notice ? words.toldNobody : event.good ? words.toldGood : event.late ? words.toldLate : words.told;
  return { at: event.at, tone: event.good ? 'ok' : event.late ? 'wait' : 'bad', text };
}

/** The way to one recipient, the oldest step first. */
export function steps(timeline: Timeline, recipient: string, words: TraceTexts): Step[] {
  // What an administrator does concerns those who have not got it yet.
  let over = false;
  const events = timeline.events.flatMap((event): Step[] => {
    const concerns = event.recipients.includes(recipient);
    switch (event.kind) {
      case 'queued': return [{ at: event.at, tone: 'plain', text: words.queued }];
      case 'placed': {
        over ||= concerns;
        return concerns ? [{ at: event.at, tone: 'ok', text: words.placed }] : [];
      }
      // More of it may wait for others to whom the address leads.
      case 'sent_on': return concerns ? [{ at: event.at, tone: 'ok', text: words.sentOnOne }] : [];
      case 'tried': {
        const all = tried(event, recipient, words);
        over ||= all.some((step) => step.tone !== 'wait');
        return all;
      }
      case 'told': return concerns ? [told(event, words)] : [];
      case 'act': return over ? [] : [{ at: event.at, tone: 'plain', text: words.acts[event.act ?? ''] ?? words.otherAct }];
      default: return [];
    }
  });
  // Within a second the notification may be told before the try that it is about.
  const bad = events.findIndex((step) => step.tone === 'bad');
  if (bad >= 0 && events[bad + 1]?.at === events[bad]?.at && events[bad + 1]?.said && !events[bad]?.said) {
    events.splice(bad, 2, events[bad + 1] as Step, events[bad] as Step);
  }
  return [first(timeline.message, words), ...events];
}

export interface Check {
  name: string;
  tone: Tone;
  text: string;
}

/** The last letters of a name that tell whose it is; quoted names are shown bare. */
const bare = (text: string) => text.replace(/^"|"$/g, '');

type Results = Record<string, (who: string) => string> & { other: (who: string) => string };

/** What was found out of the sender, in words: each of SPF, DKIM, DMARC, in the order of the server. */
export function checks(lines: string[], words: TraceTexts): Check[] {
  const found = lines.flatMap((line): Check[] => {
    const match = /^(spf|dkim|dmarc)=(\w+) ([^\s,:]+|"[^"]*")/.exec(line);
    if (!match) return [];
    const [, name = '', result = '', who = ''] = match;
    const known = words[name as 'spf' | 'dkim' | 'dmarc'] as Results;
    const say = Object.hasOwn(known, result) ? known[result] : known.other;
    const tone: Tone = result === 'pass' ? 'ok' : result === 'fail' ? 'bad' : 'wait';
    return [{ name: name.toUpperCase(), tone, text: (say ?? known.other)(bare(who)) }];
  });
  // The server names the signatures that there are.
  const at = found.findIndex((check) => check.name === 'DMARC');
  if (at >= 0 && !found.some((check) => check.name === 'DKIM')) found.splice(at, 0, { name: 'DKIM', tone: 'wait', text: words.dkim.none() });
  return found;
}

export interface Verdict {
  tone: Tone;
  title: string;
  text: string;
}

/** Whether a letter is from whom it says. */
export function verdict(item: Item, words: TraceTexts): Verdict {
  const { kind } = item.origin;
  if (kind === 'submitted') return { tone: 'ok', title: words.sureOwn, text: words.whenceNote.submitted };
  if (kind === 'generated') return { tone: 'ok', title: words.sureSystem, text: words.whenceNote.generated };
  const line = item.checks.find((check) => check.startsWith('dmarc='));
  const [, result = '', who = ''] = /^dmarc=(\w+) ([^\s,]+)/.exec(line ?? '') ?? [];
  const junk = item.checks.includes('put into Junk') ? ` ${words.toJunk}` : '';
  if (!line) return { tone: 'wait', title: words.unsure, text: words.unchecked };
  if (result === 'pass') return { tone: 'ok', title: words.sure, text: words.sureOf(bare(who)) };
  if (result === 'fail') return { tone: 'bad', title: words.forged, text: words.forgedOf(bare(who)) + junk };
  return { tone: 'wait', title: words.unsure, text: words.unsureOf + junk };
}
