// @vitest-environment happy-dom
import { describe, expect, it, vi as mock } from 'vitest';
import { listener, pressed, stroke } from '../src/ui/keys';

const plain = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };

describe('keys under a Vietnamese input method', () => {
  it.each([
    ['á', 's'], ['à', 'f'], ['ả', 'r'], ['ã', 'x'], ['ạ', 'j'], ['ế', 's'], ['ê', 'e'], ['ô', 'o'], ['â', 'a'],
    ['ă', 'w'], ['ơ', 'w'], ['ư', 'w'], ['đ', 'd'], ['Đ', 'D'], ['Ê', 'E'], ['j', 'j'], ['Enter', 'Enter'], ['#', '#'],
  ])('%s was the key %s', (key, expected) => {
    expect(pressed(key)).toBe(expected);
  });

  it.each([
    [{ key: 'J', shiftKey: true }, 'Shift+j'], [{ key: '#', shiftKey: true }, '#'], [{ key: 'Enter', ctrlKey: true }, 'Ctrl+Enter'],
    [{ key: 's', metaKey: true }, 'Ctrl+s'], [{ key: 'C', ctrlKey: true, shiftKey: true }, 'Ctrl+Shift+c'],
  ])('%o is the stroke %s', (event, expected) => {
    expect(stroke({ ...plain, ...event })).toBe(expected);
  });
});

describe('listener', () => {
  const type = (listen: (event: KeyboardEvent) => void, target: HTMLElement, init: KeyboardEventInit) => {
    document.body.replaceChildren(target);
    target.addEventListener('keydown', listen);
    const event = new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...init });
    target.dispatchEvent(event);
    return event;
  };

  it('runs sequences and never binds Backspace', () => {
    const inbox = mock.fn();
    const any = mock.fn();
    const listen = listener(() => ({ 'g i': inbox, 'e': any }), () => true);
    const page = document.createElement('div');
    type(listen, page, { key: 'g' });
    type(listen, page, { key: 'i' });
    type(listen, page, { key: 'Backspace' });
    expect(inbox).toHaveBeenCalledOnce();
    expect(any).not.toHaveBeenCalled();
  });

  it('leaves fields, composition and turned-off keys alone', () => {
    const act = mock.fn();
    const bindings = () => ({ 'e': act, 'Ctrl+Enter': act });
    const field = document.createElement('input');
    type(listener(bindings, () => true), field, { key: 'e' });
    type(listener(bindings, () => true), document.createElement('p'), { key: 'e', isComposing: true });
    type(listener(bindings, () => false), document.createElement('p'), { key: 'e' });
    expect(act).not.toHaveBeenCalled();
    type(listener(bindings, () => false), field, { key: 'Enter', ctrlKey: true });
    expect(act).toHaveBeenCalledOnce();
  });

  it('leaves Enter to the button that has the focus', () => {
    const act = mock.fn();
    type(listener(() => ({ Enter: act }), () => true), document.createElement('button'), { key: 'Enter' });
    expect(act).not.toHaveBeenCalled();
  });
});
