// Writes javascript.json: `node tests/properties/make_table.mjs > tests/properties/javascript.json`
let seed = 42;
const random = () => ((seed = (seed * 1103515245 + 12345) % 2147483648), seed / 2147483648);
const view = new DataView(new ArrayBuffer(8));
const numbers = [0, -0, 1, -1, 0.1, 0.5, 1e16, 1e20, 1e21, 1.5e21, 123456789012345680000, 1e-5, 1e-6, 1e-7, 1.5e-7,
  5e-324, Number.MAX_VALUE, Number.MIN_VALUE, Number.EPSILON, Number.MAX_SAFE_INTEGER, 2 ** 53, 2 ** 64, 0.000001234, 100.25];
while (numbers.length < 300) {
  for (let i = 0; i < 8; i += 2) view.setUint16(i, random() * 65536);
  if (Number.isFinite(view.getFloat64(0))) numbers.push(view.getFloat64(0));
}
const texts = ['', 'é', '玩家', '😀', '"\\/', '\b\f\n\r\t', '\u0000\u0001\u001f', '\u007f\u0080', '\u2028\u2029', '</script>'];
const segments = ["a b", "a/b", "100%", "é", "玩家", "😀", "!~*'()", 'a:b;c,d', '[a]', '`^{}', '"<>|\\', '-_.', '...', '@&=+$,'];
const rows = [
  ...numbers.map(n => ({ number: Object.is(n, -0) ? '-0' : String(n), javascript: JSON.stringify(n) })),
  ...texts.map(text => ({ text, javascript: JSON.stringify(text) })),
  ...segments.map(segment => ({ segment, javascript: encodeURIComponent(segment) })),
];
console.log('[\n' + rows.map(r => JSON.stringify(r)).join(',\n') + '\n]');
