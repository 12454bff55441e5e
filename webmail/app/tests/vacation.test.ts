// @vitest-environment happy-dom
// The form of answers while one is away, against RFC 8621 §8.
import { expect, test } from 'vitest';
import { type Answer, draftOf, isSame, isTurned, patchOf } from '../src/settings/vacation';

const none: Answer = { isEnabled: false, fromDate: null, toDate: null, subject: null, textBody: null, htmlBody: null };

test('days are those where the person is, the last one whole', () => {
  const draft = { ...draftOf(none), on: true, first: '2026-11-23', last: '2026-11-30' };
  const patch = patchOf(draft, none);
  expect(new Date(patch.fromDate!).getTime()).toBe(new Date(2026, 10, 23).getTime());
  expect(new Date(patch.toDate!).getTime()).toBe(new Date(2026, 11, 1).getTime());
  expect(patch.fromDate).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(draftOf({ ...none, ...patch })).toEqual(draft);
  expect(isSame(draft, { ...none, ...patch })).toBe(true);
});

test('only what was changed is said, and words of another program go with their HTML', () => {
  const other: Answer = { ...none, isEnabled: true, fromDate: '2026-11-23T03:00:00Z', htmlBody: '<p>a</p>', textBody: 'a' };
  expect(patchOf({ ...draftOf(other), on: false }, other)).toEqual({ isEnabled: false });
  expect(patchOf({ ...draftOf(other), text: 'b' }, other)).toEqual({ isEnabled: true, textBody: 'b', htmlBody: null });
  expect(patchOf({ ...draftOf(other), text: ' ', subject: ' ' }, other)).toEqual({ isEnabled: true, subject: null, textBody: null, htmlBody: null });
  expect(patchOf({ ...draftOf(other), first: '' }, other)).toEqual({ isEnabled: true, fromDate: null });
});

test('a last day before the first is told', () => {
  const turned = (first: string, last: string) => isTurned({ ...draftOf(none), first, last });
  expect(turned('2026-11-23', '2026-11-22')).toBe(true);
  expect(turned('2026-11-23', '2026-11-23')).toBe(false);
  expect(turned('', '2026-11-22')).toBe(false);
});
