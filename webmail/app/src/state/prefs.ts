// What a person chose on this computer: language, theme, density, keys.
import { effect, signal } from '@preact/signals';
import { boot } from '../boot';
import { type Lang, speak } from '../ui/i18n';

export type Theme = 'auto' | 'light' | 'dark';
export type Density = 'comfortable' | 'compact';

interface Prefs {
  theme: Theme;
  density: Density;
  keys: boolean;
  /** The other letters of its conversation around an open one. */
  threads: boolean;
  /** Of the list, in CSS pixels; null as the screen gives it. */
  listWidth: number | null;
}

const STORE = 'congvu.prefs';
const YEAR_S = 31_536_000;

function read(): Prefs {
  const chosen: Prefs = { theme: 'auto', density: 'comfortable', keys: true, threads: true, listWidth: null };
  try {
    return { ...chosen, ...(JSON.parse(localStorage.getItem(STORE) ?? '{}') as Partial<Prefs>) };
  } catch {
    return chosen;
  }
}

export const LIST_WIDTH = { min: 280, max: 640, usual: 404 };

export const prefs = signal<Prefs>(read());

export function choose(change: Partial<Prefs>): void {
  prefs.value = { ...prefs.value, ...change };
}

/** Row heights in CSS pixels, the same numbers as `--row` in tokens.css. */
export const ROW_HEIGHT: Record<Density, number> = { comfortable: 80, compact: 40 };

effect(() => {
  const { theme, density } = prefs.value;
  const root = document.documentElement.dataset;
  if (theme === 'auto') delete root.theme;
  else root.theme = theme;
  root.density = density;
  try {
    localStorage.setItem(STORE, JSON.stringify(prefs.value));
  } catch {
    // A browser that keeps nothing still shows mail.
  }
});

/** The sign-in page reads the same cookie, so both speak one language. */
export function chooseLang(lang: Lang): Promise<void> {
  document.cookie = `lang=${lang}; path=/; max-age=${YEAR_S}; samesite=lax; secure`;
  return speak(lang);
}

export function firstLang(): Lang {
  const cookie = /(?:^|;\s*)lang=(vi|en)/.exec(document.cookie)?.[1];
  return (cookie ?? boot.lang ?? 'vi') as Lang;
}
