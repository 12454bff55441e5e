// Questions that must be answered first: the browser's own modal dialog.
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { t } from './i18n';
import { IconButton } from './Button';

interface Question {
  title: string;
  text?: string;
  points?: string[];
  yes: string;
  danger?: boolean;
  answer: (yes: boolean) => void;
}

const question = signal<Question | null>(null);

/** Asks; true only when the person pressed the named button. */
export const ask = (asked: Omit<Question, 'answer'>) =>
  new Promise<boolean>((resolve) => {
    question.value?.answer(false);
    question.value = { ...asked, answer: (yes) => { question.value = null; resolve(yes); } };
  });

export function Dialog({ title, close, children, class: more }: {
  title: string; close: () => void; children: ComponentChildren; class?: string;
}) {
  const self = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    self.current?.showModal();
    return () => before?.focus?.();
  }, []);
  return (
    <dialog
      ref={self} class={`dialog ${more ?? ''}`} aria-labelledby={id} onCancel={(event) => { event.preventDefault(); close(); }}
      onClick={(event) => { if (event.target === self.current) close(); }}
    >
      <div class="dialog-in">
        <header><h2 id={id}>{title}</h2><IconButton icon="x" label={t().close} onClick={close} /></header>
        {children}
      </div>
    </dialog>
  );
}

export function Questions() {
  const asked = question.value;
  if (!asked) return null;
  return (
    <Dialog title={asked.title} close={() => asked.answer(false)} class="ask">
      {asked.text && <p>{asked.text}</p>}
      {asked.points && <ul>{asked.points.map((point) => <li key={point}>{point}</li>)}</ul>}
      <footer>
        <button type="button" class="btn" onClick={() => asked.answer(false)}>{t().cancel}</button>
        <button type="button" class={`btn ${asked.danger ? 'danger' : 'primary'}`} onClick={() => asked.answer(true)} autofocus>
          {asked.yes}
        </button>
      </footer>
    </Dialog>
  );
}
