// Labels are keywords of the letters themselves (RFC 8621 §4.1.1), the five that Thunderbird and others know
// by these names: they are the same in every program and on every computer.
import type { Id } from '../jmap/objects';
import { t } from '../ui/i18n';
import { mark } from './acts';
import { has, rowOf } from './emails';

export const LABELS = ['$label1', '$label2', '$label3', '$label4', '$label5'] as const;
export type Label = (typeof LABELS)[number];

/** A person has done what the letter asks for. */
export const HANDLED = 'handled';

/** Its colour is the class of this name (`style/base.css`). */
export const toneOfLabel = (label: Label) => `label-${label.at(-1) ?? ''}`;

export const nameOfLabel = (label: Label) => t().labels[label];

export const labelsOf = (keywords: Record<string, boolean>) => LABELS.filter((label) => keywords[label] === true);

/** All of them get it, unless all of them have it: then all lose it. */
export function toggleKeyword(ids: Id[], keyword: string): Promise<void> {
  const on = !ids.every((id) => has(rowOf(id), keyword));
  // What is done need not be reminded of, until it is not done after all.
  const pinned = keyword === HANDLED && on ? ids.filter((id) => has(rowOf(id), 'woken')) : [];
  void mark(pinned, 'woken', false);
  return mark(ids, keyword, on, false, () => void mark(pinned, 'woken', true));
}
