// Where one's mail goes on to: `/api/v1/accounts/ID/forwarding` (docs/sending.md).
import { isAddress } from '../compose/address';
import { ownAccountId } from '../jmap/client';
import { numberOf, rest } from '../jmap/rest';

export interface Said {
  to: string[];
  /** A copy stays in one's own mailbox. */
  keep: boolean;
  /** The agency lets mail go on to addresses elsewhere. */
  outside: boolean;
  version: number;
}

/** As the server has it (`directory::forward::TO_MAX`). */
export const TO_MAX = 10;

const path = () => `accounts/${numberOf(ownAccountId())}/forwarding`;

export const load = () => rest<Said>(path());

export const save = (change: Pick<Said, 'to' | 'keep'>, version: number) =>
  rest<Said>(path(), { method: 'PUT', body: { to: change.to, keep: change.keep }, version });

export type Fault = 'notAddress' | 'already' | 'own';

/** What is wrong with an address that is to be added. */
export function fault(text: string, to: string[], self: string): Fault | null {
  const same = (other: string) => other.toLowerCase() === text.toLowerCase();
  if (!isAddress(text)) return 'notAddress';
  if (same(self)) return 'own';
  return to.some(same) ? 'already' : null;
}

export const isChanged = (draft: Pick<Said, 'to' | 'keep'>, said: Said) =>
  draft.to.join('\n') !== said.to.join('\n') || (draft.to.length > 0 && draft.keep !== said.keep);
