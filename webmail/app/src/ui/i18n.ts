// The texts in the person's language. Vietnamese comes with the first load,
// English when it is asked for.
import { signal } from '@preact/signals';
import { type Texts, vi } from '../vi';

export type Lang = 'vi' | 'en';

const texts = signal<Texts>(vi);
export const lang = signal<Lang>('vi');

/** The texts now in use; a component that calls this is drawn again when they change. */
export const t = (): Texts => texts.value;

export async function speak(wanted: Lang): Promise<void> {
  texts.value = wanted === 'en' ? (await import('../en')).en : vi;
  lang.value = wanted;
  document.documentElement.lang = wanted;
}

/** `Intl` name of the language: English as it is written in Vietnam, day first. */
export const locale = () => (lang.value === 'en' ? 'en-GB' : 'vi-VN');
