import { describe, expect, it } from 'vitest';
import { PAGE, type Page, WindowedList } from '../src/state/windowed';

/** A server of `total` messages that counts what it is asked. */
function server(total: number) {
  const asked: [number, number][] = [];
  let ids = Array.from({ length: total }, (_, index) => `e${index}`);
  const fetchPage = (position: number, limit: number): Promise<Page> => {
    asked.push([position, limit]);
    return Promise.resolve({ ids: ids.slice(position, position + limit), total: ids.length });
  };
  return { asked, fetchPage, set: (next: string[]) => { ids = next; }, ids: () => ids };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('WindowedList', () => {
  it('asks for the first page first and learns the total from it', async () => {
    const { asked, fetchPage } = server(10_000);
    const list = new WindowedList(fetchPage);
    list.need(0, 20);
    await settle();
    expect(asked).toEqual([[0, PAGE]]);
    expect(list.total.value).toBe(10_000);
    expect(list.at(20)).toBe('e20');
  });

  it('asks only for the pages in view', async () => {
    const { asked, fetchPage } = server(10_000);
    const list = new WindowedList(fetchPage);
    list.need(0, 20);
    await settle();
    list.need(7_010, 7_060);
    await settle();
    expect(asked.slice(1)).toEqual([[7_000, PAGE], [7_050, PAGE]]);
    expect(list.at(7_060)).toBe('e7060');
    expect(list.at(5_000)).toBeUndefined();
  });

  it('does not ask again for what it has', async () => {
    const { asked, fetchPage } = server(120);
    const list = new WindowedList(fetchPage);
    list.need(0, 119);
    await settle();
    const before = asked.length;
    list.need(10, 60);
    list.need(0, 119);
    await settle();
    expect(asked.length).toBe(before);
  });

  it('never asks for ever when the server counts more than it gives', async () => {
    let asked = 0;
    const list = new WindowedList(() => {
      asked += 1;
      return Promise.resolve({ ids: [], total: 500 });
    });
    list.need(0, 40);
    await settle();
    expect(asked).toBe(1);
  });

  it('takes rows out and puts them back where they were', async () => {
    const { fetchPage } = server(40);
    const list = new WindowedList(fetchPage);
    list.need(0, 39);
    await settle();
    const taken = list.remove(new Set(['e3', 'e7']));
    expect(list.total.value).toBe(38);
    expect(list.at(3)).toBe('e4');
    list.restore(taken);
    expect([list.at(3), list.at(7), list.total.value]).toEqual(['e3', 'e7', 40]);
  });

  it('throws away answers that were asked for before rows were taken out', async () => {
    const answers: ((page: Page) => void)[] = [];
    const list = new WindowedList(() => new Promise((resolve) => answers.push(resolve)));
    list.need(0, 10);
    answers[0]?.({ ids: ['a', 'b', 'c'], total: 60 });
    await settle();
    list.need(50, 59);
    list.remove(new Set(['a']));
    answers[1]?.({ ids: ['stale'], total: 60 });
    await settle();
    expect(list.at(50)).toBeUndefined();
    expect(list.loaded()).not.toContain('stale');
  });

  it('shows a new letter on top after a refresh', async () => {
    const { fetchPage, set, ids } = server(60);
    const list = new WindowedList(fetchPage);
    list.need(0, 20);
    await settle();
    set(['new', ...ids()]);
    await list.refresh();
    expect([list.at(0), list.at(1), list.total.value]).toEqual(['new', 'e0', 61]);
  });

  it('tells a failed list from an empty one', async () => {
    const list = new WindowedList(() => Promise.reject(new Error('away')));
    list.need(0, 10);
    await settle();
    expect([list.failed.value, list.total.value]).toEqual([true, null]);
  });
});
