// Short words after an act, with the way back (ui/README.md section 5).
import { signal } from '@preact/signals';

/** How long an act can be taken back. */
export const UNDO_MS = 10_000;
const NOTICE_MS = 5_000;

export interface Toast {
  key: number;
  text: string;
  tone: 'plain' | 'bad';
  action?: Action;
  /** A second thing to do, e.g. not to wait. */
  other?: Action;
  /** It stands until it is dismissed: what it says goes on. */
  stays?: boolean;
}

interface Action {
  label: string;
  run: () => void;
}

const keeps = (toast: Toast) => Boolean(toast.other ?? toast.stays);

export const toasts = signal<Toast[]>([]);
let last = 0;

export function dismiss(key: number): void {
  toasts.value = toasts.value.filter((toast) => toast.key !== key);
}

/** Takes away what went wrong with something that is no longer on the page. */
export function hush(): void {
  toasts.value = toasts.value.filter((toast) => toast.tone !== 'bad');
}

/** Shows `text`; the action, if any, can be run once while the toast stands. */
export function tell(text: string, action?: Action, tone: Toast['tone'] = 'plain', other?: Action, stays = false): number {
  last += 1;
  const key = last;
  const once = (act?: Action) => act && { label: act.label, run: () => { dismiss(key); act.run(); } };
  // One at a time, for two stacked bars are never both read; only letters that
  // wait to be sent keep their place.
  toasts.value = [...toasts.value.filter(keeps), { key, text, tone, action: once(action), other: once(other), stays }];
  if (!stays) window.setTimeout(() => dismiss(key), action ? UNDO_MS : NOTICE_MS);
  return key;
}

let underway = 0;
/** `z` was pressed before the act it means was answered. */
let wished = false;

/** An act begins: what could be undone before it no longer is by `z`. */
export function begin(): void {
  underway += 1;
  toasts.value = toasts.value.filter((toast) => keeps(toast) || !toast.action);
}

/** It has been answered, and its toast stands, if it has one. */
export function end(): void {
  underway -= 1;
  if (underway > 0 || !wished) return;
  wished = false;
  latest()?.run();
}

/** What stays is no act that was just done. */
const latest = () => toasts.value.filter((toast) => !toast.stays).at(-1)?.action;

/** Runs the standing action: `z` and Ctrl+Z. Of an act under way it waits for the answer. */
export function runLast(): boolean {
  if (underway > 0) {
    wished = true;
    return true;
  }
  const action = latest();
  action?.run();
  return Boolean(action);
}

/** Spoken by screen readers only. */
export const spoken = signal('');
