// What the server put into the page so that the first paint needs no round trip.

export interface Boot {
  name: string;
  address: string;
}

export function readBoot(): Boot {
  const block = document.getElementById('boot')?.textContent ?? 'null';
  return { name: '', address: '', ...(JSON.parse(block) as Partial<Boot> | null) };
}
