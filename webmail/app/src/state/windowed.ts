// A list of any length of which only the pages in view are ever asked for
// (RFC 8620 §5.5 `position` and `limit`).
import { signal } from '@preact/signals';
import type { Id } from '../jmap/objects';

export const PAGE = 50;
/** Pages asked for at once: a dragged scroll bar must not ask for all it passes. */
const PAGES_IN_FLIGHT = 2;

export interface Page {
  ids: Id[];
  total: number;
}

export type FetchPage = (position: number, limit: number) => Promise<Page>;

export class WindowedList {
  /** Rows there are in all; null until the first page came. */
  readonly total = signal<number | null>(null);
  /** Counts up with every change of any row's place. */
  readonly version = signal(0);
  readonly failed = signal(false);

  private ids: (Id | undefined)[] = [];
  private wanted: [number, number] = [0, 0];
  private loading = new Set<number>();
  /** Answers to questions asked before this number are of no use any more. */
  private round = 0;

  constructor(private readonly fetchPage: FetchPage) {}

  at(index: number): Id | undefined {
    return this.ids[index];
  }

  indexOf(id: Id): number {
    return this.ids.indexOf(id);
  }

  loaded(): Id[] {
    return this.ids.filter((id) => id !== undefined);
  }

  /** Puts in a page that came with the document. */
  seed(page: Page): void {
    this.place(0, page);
  }

  /** Says which rows are in view; missing ones are asked for. */
  need(first: number, last: number): void {
    this.wanted = [Math.max(0, first), Math.max(first, last)];
    void this.pump();
  }

  /** Asks anew for the rows in view and forgets the others: something changed. */
  async refresh(): Promise<void> {
    this.round += 1;
    const round = this.round;
    const [first, last] = this.wanted;
    const start = Math.floor(first / PAGE) * PAGE;
    const limit = Math.min(PAGE * 4, Math.ceil((last + 1 - start) / PAGE) * PAGE);
    try {
      const page = await this.fetchPage(start, limit);
      if (round !== this.round) return;
      this.loading.clear();
      this.ids = [];
      this.place(start, page);
      this.failed.value = false;
      // The list may have become shorter than where the person is.
      if (page.ids.length === 0 && page.total > 0 && start > 0) this.need(page.total - PAGE, page.total - 1);
    } catch {
      if (round === this.round) this.failed.value = this.total.value === null;
    }
  }

  /** Takes rows out before the server agreed; gives what `restore` needs. */
  remove(gone: Set<Id>): [number, Id][] {
    const taken: [number, Id][] = [];
    const kept: (Id | undefined)[] = [];
    for (let index = 0; index < this.ids.length; index += 1) {
      const id = this.ids[index];
      if (id !== undefined && gone.has(id)) taken.push([index, id]);
      else kept.push(id);
    }
    if (taken.length > 0) {
      this.round += 1;
      this.loading.clear();
      this.ids = kept;
      this.total.value = Math.max(0, (this.total.value ?? 0) - taken.length);
      this.version.value += 1;
      void this.pump();
    }
    return taken;
  }

  restore(taken: [number, Id][]): void {
    for (const [index, id] of taken) {
      if (this.ids.includes(id)) continue;
      this.ids.splice(index, 0, id);
      this.total.value = (this.total.value ?? 0) + 1;
    }
    this.version.value += 1;
  }

  private place(start: number, page: Page): void {
    page.ids.forEach((id, offset) => { this.ids[start + offset] = id; });
    if (this.ids.length > page.total) this.ids.length = page.total;
    this.total.value = page.total;
    this.version.value += 1;
  }

  private missing(): number | undefined {
    const [first, last] = this.wanted;
    const end = this.total.value === null ? 0 : Math.min(last, this.total.value - 1);
    for (let page = Math.floor(first / PAGE); page * PAGE <= end; page += 1) {
      if (this.loading.has(page)) continue;
      for (let index = Math.max(first, page * PAGE); index <= Math.min(end, page * PAGE + PAGE - 1); index += 1) {
        if (this.ids[index] === undefined) return page;
      }
    }
    return this.total.value === null && !this.loading.has(0) ? 0 : undefined;
  }

  private async pump(): Promise<void> {
    if (this.loading.size >= PAGES_IN_FLIGHT) return;
    const page = this.missing();
    if (page === undefined) return;
    const round = this.round;
    this.loading.add(page);
    try {
      const answer = await this.fetchPage(page * PAGE, PAGE);
      if (round !== this.round) return;
      this.loading.delete(page);
      this.failed.value = false;
      this.place(page * PAGE, answer);
      // A server that answers with fewer rows than it counted must not be asked for ever.
      if (answer.ids.length > 0) await this.pump();
    } catch {
      if (round !== this.round) return;
      this.loading.delete(page);
      this.failed.value = true;
    }
  }
}
