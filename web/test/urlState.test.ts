import { describe, expect, it } from 'vitest';
import { formatHash, parseHash } from '../src/urlState.ts';

describe('the address', () => {
  it('gives back what was written', () => {
    const state = {
      view: { zoom: 15.25, lat: 45.4342, lon: 12.3388 },
      layers: ['parcels', 'cycle-lanes'],
      place: { lat: 45.43420001, lon: 12.33880002 },
    };
    expect(parseHash(formatHash(state))).toEqual(state);
  });

  it('tells no layer at all from the style’s own choice', () => {
    expect(parseHash(formatHash({ layers: [] }))).toEqual({ layers: [] });
    expect(parseHash('#map=3/1/2').layers).toBeUndefined();
  });

  it.each(['', '#', '#map=', '#map=a/b/c', '#map=15/95/12', '#map=15/45', '#map=99/45/12', '#at=45', '#at=1,2,x', '#at=NaN,12', '#at=,', '#foo=bar'])(
    'leaves out what is malformed: %j',
    (hash) => {
      expect(parseHash(hash)).toEqual({});
    },
  );

  it('drops layer names that cannot be', () => {
    expect(parseHash('#layers=parcels,<script>,../x,ZTL,ztl')).toEqual({ layers: ['parcels', 'ztl'] });
  });

  it('is empty when there is nothing to remember', () => {
    expect(formatHash({})).toBe('');
  });
});
