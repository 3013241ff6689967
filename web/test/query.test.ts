import { describe, expect, it } from 'vitest';
import { parseQuery } from '../src/text/query.ts';

describe('what was typed', () => {
  it.each([
    ['12/123', '12', '123'],
    [' 12 / 123 ', '12', '123'],
    ['0012/00123', '12', '123'],
    ['12/123/2', '12', '123/2'],
    ['foglio 12 particella 123', '12', '123'],
    ['Foglio 12, particella 123', '12', '123'],
    ['foglio 12 part. 123', '12', '123'],
    ['fg. 12 mapp. 123', '12', '123'],
    ['fg 12 n. 123', '12', '123'],
    ['FOGLIO 7 MAPPALE STRADA001', '7', 'STRADA001'],
    ['sheet 12 parcel 123', '12', '123'],
    ['12/.45', '12', '.45'],
  ])('reads %j as sheet %s, parcel %s', (text, sheet, number) => {
    expect(parseQuery(text)).toEqual({ kind: 'parcel', sheet, number });
  });

  it.each([
    ['Z999_001200.123', 'Z999_001200.123'],
    ['l736_0012a0.123', 'L736_0012A0.123'],
    ['IT.AGE.PLA.L736_0012A0.123', 'L736_0012A0.123'],
    ['CadastralParcel.IT.AGE.PLA.A000W000200.STRADA001', 'A000W000200.STRADA001'],
    ['L736_001200..45', 'L736_001200..45'],
  ])('reads %j as the reference %s', (text, ref) => {
    expect(parseQuery(text)).toEqual({ kind: 'reference', ref });
  });

  it.each([
    '45.4342 12.3388',
    '45,4342 12,3388',
    '45.4342, 12.3388',
    '291847.96 5034631.55',
    '45°26\'03"N 12°20\'20"E',
    'lat 45.4342 lon 12.3388',
    'EPSG:3003 1761183.998 5036629.489',
    '45.4342/12.3388',
  ])('leaves %j to the server as coordinates', (text) => {
    expect(parseQuery(text)).toEqual({ kind: 'coordinates', text });
  });

  it.each(['Rialto', 'via Roma 12 e 14', '45', 'foglio 12'])('does not understand %j', (text) => {
    expect(parseQuery(text)).toEqual({ kind: 'words', text });
  });

  it('takes blanks for nothing', () => {
    expect(parseQuery('  ')).toEqual({ kind: 'empty' });
  });
});
