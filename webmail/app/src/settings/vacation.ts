// What the server answers while one is away: RFC 8621 §8 VacationResponse (docs/sending.md).
import { type Call, own, request } from '../jmap/client';

export interface Answer {
  isEnabled: boolean;
  fromDate: string | null;
  toDate: string | null;
  subject: string | null;
  textBody: string | null;
  htmlBody: string | null;
}

/** As the form has it; days as `2026-11-23`, empty for none. The last day is one on which one is still away. */
export interface Draft {
  on: boolean;
  first: string;
  last: string;
  subject: string;
  text: string;
}

export const SUBJECT_MAX = 200;
/** Characters; the server takes 32 KB, which so many fill at most. */
export const TEXT_MAX = 8000;

const two = (n: number) => String(n).padStart(2, '0');

/** The day of a moment where the person is. */
function dayOf(moment: Date): string {
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

/** When a day begins there, or the one after it. */
function begins(day: string, later = 0): string | null {
  const [year, month, date] = day.split('-').map(Number);
  if (!year || !month || !date) return null;
  return new Date(year, month - 1, date + later).toISOString().replace('.000', '');
}

export function draftOf(answer: Answer): Draft {
  return {
    on: answer.isEnabled,
    first: answer.fromDate ? dayOf(new Date(answer.fromDate)) : '',
    // What ends in the midst of a day ends on it; what ends with a day does not reach the next one.
    last: answer.toDate ? dayOf(new Date(Date.parse(answer.toDate) - 1)) : '',
    subject: answer.subject ?? '',
    text: answer.textBody ?? '',
  };
}

/** Words that were changed here are all there is: HTML of another program would say something else. */
export function patchOf(draft: Draft, before: Answer): Partial<Answer> {
  const was = draftOf(before);
  return {
    isEnabled: draft.on,
    ...(draft.first === was.first ? {} : { fromDate: begins(draft.first) }),
    ...(draft.last === was.last ? {} : { toDate: begins(draft.last, 1) }),
    ...(draft.subject === was.subject ? {} : { subject: draft.subject.trim() || null }),
    ...(draft.text === was.text ? {} : { textBody: draft.text.trim() ? draft.text : null, htmlBody: null }),
  };
}

export const isTurned = (draft: Draft) => draft.first !== '' && draft.last !== '' && draft.last < draft.first;

export const isSame = (draft: Draft, answer: Answer) => JSON.stringify(draft) === JSON.stringify(draftOf(answer));

const get = (): Call => ['VacationResponse/get', own({ ids: null })];

export async function load(): Promise<Answer> {
  const [got] = await request<[{ list: Answer[] }]>([get()]);
  const answer = got.list[0];
  if (!answer) throw new Error('no answer');
  return answer;
}

/** As it is then. Throws where the server refuses it. */
export async function save(patch: Partial<Answer>): Promise<Answer> {
  const [set, got] = await request<[{ notUpdated: Record<string, unknown> | null }, { list: Answer[] }]>([
    ['VacationResponse/set', own({ update: { singleton: patch } })],
    get(),
  ]);
  const answer = got.list[0];
  if (set.notUpdated || !answer) throw new Error('refused');
  return answer;
}
