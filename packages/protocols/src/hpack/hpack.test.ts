/** The examples of RFC 7541, Appendix C, and the rules, each as bytes. */
import { describe, expect, test } from "vitest";
import { createHpackDecoder, type HpackDecoder } from "./decoder.ts";
import { createHpackEncoder } from "./encoder.ts";

const wide = { tableBytes: 4096, listBytes: 65_536 };

function decodeHex(decoder: HpackDecoder, hex: string) {
  const bytes = Buffer.from(hex.replace(/\s/g, ""), "hex");
  return decoder.decode(bytes, 0, bytes.length);
}

function fieldsOf(hex: string): string[] | undefined {
  return decodeHex(createHpackDecoder(wide), hex)?.fields;
}

function literal(name: string, value: string, form = "40"): string {
  return `${form}${textHex(name)}${textHex(value)}`;
}

/** A string of at most 16,510 characters, not Huffman coded. */
function textHex(text: string): string {
  const { length } = text;
  const rest = length - 127;
  const prefix =
    rest < 0 ? [length] : rest < 128 ? [127, rest] : [127, 128 | (rest & 127), rest >> 7];
  return Buffer.from(prefix).toString("hex") + Buffer.from(text, "latin1").toString("hex");
}

/** An indexed field; the index is below 255. */
function indexedHex(index: number): string {
  return Buffer.from(index < 127 ? [128 | index] : [255, index - 127]).toString("hex");
}

function hexOf(text: string): string {
  return Buffer.from(text, "latin1").toString("hex");
}

const firstRequest = [":method", "GET", ":scheme", "http", ":path", "/"];
const authority = [":authority", "www.example.com"];
const requests = [
  [...firstRequest, ...authority],
  [...firstRequest, ...authority, "cache-control", "no-cache"],
  [
    ...[":method", "GET", ":scheme", "https", ":path", "/index.html"],
    ...authority,
    ...["custom-key", "custom-value"],
  ],
];
const cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const location = ["location", "https://www.example.com"];
const responses = [
  [
    ...[":status", "302", "cache-control", "private", "date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ...location,
  ],
  [
    ...[":status", "307", "cache-control", "private", "date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ...location,
  ],
  [
    ...[":status", "200", "cache-control", "private", "date", "Mon, 21 Oct 2013 20:13:22 GMT"],
    ...location,
    ...["content-encoding", "gzip", "set-cookie", cookie],
  ],
];

describe("the decoder reads the examples of RFC 7541, Appendix C", () => {
  test.each([
    [
      "2.1",
      "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
      ["custom-key", "custom-header"],
    ],
    ["2.2", "040c2f73616d706c652f70617468", [":path", "/sample/path"]],
    ["2.3", "100870617373776f726406736563726574", ["password", "secret"]],
    ["2.4", "82", [":method", "GET"]],
  ])("C.%s", (_section, hex, fields) => {
    expect(fieldsOf(hex)).toEqual(fields);
  });

  test.each([
    {
      section: "C.3, requests without Huffman coding",
      tableBytes: 4096,
      lists: requests,
      blocks: [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
    },
    {
      section: "C.4, requests with Huffman coding",
      tableBytes: 4096,
      lists: requests,
      blocks: [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
    },
    {
      section: "C.5, responses without Huffman coding, with eviction",
      tableBytes: 256,
      lists: responses,
      blocks: [
        `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a
         3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        "4803 3330 37c1 c0bf",
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04
         677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49
         553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
      ],
    },
    {
      section: "C.6, responses with Huffman coding, with eviction",
      tableBytes: 256,
      lists: responses,
      blocks: [
        `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e
         919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
        "4883 640e ffc1 c0bf",
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7
         821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed
         4ee5 b106 3d50 07`,
      ],
    },
  ])("$section", ({ tableBytes, lists, blocks }) => {
    const decoder = createHpackDecoder({ ...wide, tableBytes });
    expect(blocks.map((hex) => decodeHex(decoder, hex)?.fields)).toEqual(lists);
  });
});

describe("the decoder refuses", () => {
  test.each([
    ["index 0", "80"],
    ["an index beyond both tables", "be"],
    ["an index beyond the entries there are", `${literal("a", "b")}bf`],
    ["an index beyond both tables, of several bytes", "ffffff7f"],
    ["a name's index beyond both tables, with indexing", "7e0161"],
    ["a name's index beyond both tables, without", "0f2f0161"],
    ["an integer of more than 31 bits", "ff8080808008"],
    ["an integer of more than five continuation bytes", "3f808080808000"],
    ["an integer cut short, prefix 7", "ff"],
    ["an integer cut short after a continuation byte", "ff80"],
    ["an integer cut short, prefix 6", "7f"],
    ["an integer cut short, prefix 5", "3f"],
    ["an integer cut short, prefix 4", "0f"],
    ["a string length cut short", "007f"],
    ["a table size beyond what we announced", "3fe21f"],
    ["a table size update after a field", "8220"],
    ["a table size update between fields", "822082"],
    ["a name without a value", "000161"],
    ["a literal that ends after its first byte", "40"],
    ["a name's index without a value", "44"],
    ["a name longer than the block", "000561"],
    ["a value longer than the block", "0401"],
    ["a value whose length is beyond all bounds", "047fffffffff0761"],
    ["Huffman padding of eight bits", "0482f8ff"],
    ["Huffman padding of a whole string", "0481ff"],
    ["Huffman padding of zeros", "048118"],
    ["Huffman padding whose last bit is not one", "04811e"],
    ["a Huffman code cut short", "0481fe"],
    ["EOS in a Huffman coded string", "0484ffffffff"],
    ["EOS after a symbol", "04851fffffffff"],
  ])("%s", (_what, hex) => {
    expect(decodeHex(createHpackDecoder(wide), hex)).toBeUndefined();
  });

  test("an integer of 2³¹, but not one less", () => {
    const boundless = { ...wide, tableBytes: 2 ** 32 };
    expect(decodeHex(createHpackDecoder(boundless), "3fe0ffffff07")?.fields).toEqual([]);
    expect(decodeHex(createHpackDecoder(boundless), "3fe1ffffff07")).toBeUndefined();
  });

  test("malformed strings also where it keeps no field any more", () => {
    const bounds = { ...wide, listBytes: 10 };
    expect(decodeHex(createHpackDecoder(bounds), "82048118")).toBeUndefined();
    expect(decodeHex(createHpackDecoder(bounds), "820405")).toBeUndefined();
    expect(decodeHex(createHpackDecoder(bounds), "8280")).toBeUndefined();
  });
});

describe("the decoder takes", () => {
  const three = literal("a", "1") + literal("b", "2") + literal("c", "3");
  const threeFields = ["a", "1", "b", "2", "c", "3"];

  test.each([
    ["nothing", "", []],
    ["a table size update alone", "20", []],
    ["several table size updates before the first field", "203fe11f82", [":method", "GET"]],
    ["an integer with zeros at its end, prefix 5", "3f8080808000", []],
    ["an integer of two bytes, prefix 6", `${three}7f010178`, [...threeFields, "a", "x"]],
    ["an integer of two bytes, prefix 4", `${three}0f310178`, [...threeFields, "a", "x"]],
    ["an integer of one byte that fills its prefix, prefix 4", "0f000178", ["accept-charset", "x"]],
    ["never-indexed literals with a name by index", "1f080161", ["authorization", "a"]],
    ["never-indexed literals with a name spelled out", "1001610162", ["a", "b"]],
    ["an empty name and an empty value", "000000", ["", ""]],
    ["empty Huffman coded strings", "008080", ["", ""]],
    ["Huffman padding of seven bits", "04835141ff", [":path", "  a"]],
    ["no Huffman padding", "0481f8", [":path", "&"]],
    ["bytes above 127", "0001ff0180", ["\xff", "\x80"]],
  ])("%s", (_what, hex, fields) => {
    expect(fieldsOf(hex)).toEqual(fields);
  });

  test.each([
    [0x00, "1ff8", 13],
    [0x0a, "3ffffffc", 30],
    [0x30, "0", 5],
    [0x3c, "7ffc", 15],
    [0x5c, "7fff0", 19],
    [0x7f, "ffffffc", 28],
    [0x80, "fffe6", 20],
    [0xc7, "1ffffec", 25],
    [0xf9, "ffffffe", 28],
    [0xff, "3ffffee", 26],
  ])("byte %d in Huffman code", (byte, code, bits) => {
    const binary = Number.parseInt(code, 16).toString(2).padStart(bits, "0");
    const padded = binary.padEnd(8 * Math.ceil(bits / 8), "1");
    const octets = padded.match(/.{8}/g)?.map((octet) => Number.parseInt(octet, 2)) ?? [];
    const hex = Buffer.from([0x04, 0x80 | octets.length, ...octets]).toString("hex");
    expect(fieldsOf(hex)).toEqual([":path", String.fromCharCode(byte)]);
  });

  test("a part of a buffer that is no Buffer", () => {
    const bytes = new Uint8Array(
      Buffer.from(`ff${literal("a", "x".repeat(40))}ff`, "hex"),
    ).subarray(1);
    const block = createHpackDecoder(wide).decode(bytes, 0, bytes.length - 1);
    expect(block?.fields).toEqual(["a", "x".repeat(40)]);
  });
});

describe("the dynamic table", () => {
  test("evicts the oldest entries for a new one", () => {
    const decoder = createHpackDecoder({ ...wide, tableBytes: 70 });
    decodeHex(decoder, literal("a", "1") + literal("b", "2"));
    expect(decodeHex(decoder, "bfbe")?.fields).toEqual(["a", "1", "b", "2"]);
    decodeHex(decoder, literal("c", "3"));
    expect(decodeHex(decoder, "bfbe")?.fields).toEqual(["b", "2", "c", "3"]);
    expect(decodeHex(decoder, "c0")).toBeUndefined();
  });

  test("is emptied by an entry larger than it, which is a field all the same", () => {
    const decoder = createHpackDecoder({ ...wide, tableBytes: 70 });
    const value = "x".repeat(38);
    expect(decodeHex(decoder, literal("a", "1") + literal("b", value))?.fields).toEqual([
      ...["a", "1", "b", value],
    ]);
    expect(decodeHex(decoder, "be")).toBeUndefined();
  });

  test("has room for an entry as large as itself", () => {
    const decoder = createHpackDecoder({ ...wide, tableBytes: 70 });
    const value = "x".repeat(37);
    decodeHex(decoder, literal("a", "1") + literal("b", value));
    expect(decodeHex(decoder, "be")?.fields).toEqual(["b", value]);
    expect(decodeHex(decoder, "bf")).toBeUndefined();
  });

  test("gives a new entry the name of one that is evicted for it", () => {
    const decoder = createHpackDecoder({ ...wide, tableBytes: 40 });
    decodeHex(decoder, literal("name", "1"));
    expect(decodeHex(decoder, "7e0132be")?.fields).toEqual(["name", "2", "name", "2"]);
  });

  test("is emptied by a size update to 0 and usable after another", () => {
    const decoder = createHpackDecoder(wide);
    decodeHex(decoder, literal("a", "1"));
    expect(decodeHex(decoder, `203fe11f${literal("b", "2")}be`)?.fields).toEqual([
      ...["b", "2", "b", "2"],
    ]);
    expect(decodeHex(decoder, "bf")).toBeUndefined();
  });

  test("keeps the newest of a size update", () => {
    const decoder = createHpackDecoder(wide);
    decodeHex(decoder, literal("a", "1") + literal("b", "2"));
    expect(decodeHex(decoder, "3f03be")?.fields).toEqual(["b", "2"]);
    expect(decodeHex(decoder, "bf")).toBeUndefined();
  });

  test("has 4096 bytes until the peer makes use of more", () => {
    const decoder = createHpackDecoder({ ...wide, tableBytes: 65_536 });
    const value = "x".repeat(4000);
    decodeHex(decoder, literal("a", value) + literal("b", value));
    expect(decodeHex(decoder, "be")?.fields).toEqual(["b", value]);
    expect(decodeHex(decoder, "bf")).toBeUndefined();
  });

  test("takes as many entries as fit, in their order", () => {
    const decoder = createHpackDecoder(wide);
    for (let count = 0; count < 1000; count++) decodeHex(decoder, literal("", `${count % 10}`));
    const all = Array.from({ length: 124 }, (_value, index) => 62 + index);
    const hex = all.map(indexedHex).join("");
    const expected = all.flatMap((index) => ["", `${(999 - (index - 62)) % 10}`]);
    expect(decodeHex(decoder, hex)?.fields).toEqual(expected);
    expect(decodeHex(decoder, indexedHex(186))).toBeUndefined();
  });
});

describe("a list beyond the decoder's bound", () => {
  test("has the fields within it and the size of all", () => {
    const decoder = createHpackDecoder({ ...wide, listBytes: 80 });
    const block = decodeHex(decoder, `82${literal("a", "x".repeat(40))}86${literal("b", "y")}be`);
    expect(block).toEqual({
      fields: [":method", "GET"],
      bytes: 42 + 73 + 43 + 34 + 34,
      isTooLarge: true,
    });
    expect(decodeHex(decoder, "bf")).toMatchObject({
      fields: ["a", "x".repeat(40)],
      isTooLarge: false,
    });
  });

  test("fills its bytes to the last", () => {
    expect(decodeHex(createHpackDecoder({ ...wide, listBytes: 42 }), "82")?.isTooLarge).toBe(false);
    expect(decodeHex(createHpackDecoder({ ...wide, listBytes: 41 }), "82")?.isTooLarge).toBe(true);
    const field = literal("ab", "cde", "00");
    expect(decodeHex(createHpackDecoder({ ...wide, listBytes: 37 }), field)?.fields).toHaveLength(
      2,
    );
    expect(decodeHex(createHpackDecoder({ ...wide, listBytes: 36 }), field)?.fields).toHaveLength(
      0,
    );
  });

  test("counts a name and a value of which no string was made", () => {
    const decoder = createHpackDecoder({ tableBytes: 0, listBytes: 40 });
    const hex = literal("n".repeat(300), "v".repeat(200));
    expect(decodeHex(decoder, hex)).toEqual({ fields: [], bytes: 532, isTooLarge: true });
    expect(decodeHex(decoder, "00835141ff835141ff")).toMatchObject({
      bytes: 38,
      isTooLarge: false,
    });
  });

  test("costs no more than its bytes, whatever it stands for", () => {
    const decoder = createHpackDecoder(wide);
    const value = "x".repeat(4000);
    const bomb = literal("a", value) + "be".repeat(10_000);
    expect(decodeHex(decoder, bomb)).toEqual({
      fields: Array.from({ length: 32 }, (_value, index) => (index % 2 === 0 ? "a" : value)),
      bytes: 10_001 * 4033,
      isTooLarge: true,
    });
  });
});

describe("the encoder", () => {
  test.each([
    ["a field of the static table as an index", [":status", "404"], "8d"],
    ["a name of the static table as an index", ["server", "x"], "760178"],
    ["a name of neither table", ["x-a", "b"], "4003782d610162"],
    ["a status that is not in the static table", [":status", "418"], "4803343138"],
    ["a volatile field without indexing", ["content-length", "7"], "0f0d0137"],
    ["a volatile field of no static name", ["traceparent", "7"], `00${textHex("traceparent")}0137`],
    ["a secret as never indexed", ["set-cookie", "a=b"], "1f2803613d62"],
    ["a field twice", ["x-a", "b", "x-a", "b"], "4003782d610162be"],
    ["another value of a name", ["x-a", "b", "x-a", "c"], "4003782d6101627e0163"],
    ["an empty value", ["x-a", ""], "4003782d6100"],
  ])("writes %s", (_what, fields, hex) => {
    expect(hexOf(createHpackEncoder().encode(fields))).toBe(hex);
  });

  test("does not index what is long or does not fit", () => {
    const encoder = createHpackEncoder();
    const long = ["x-a", "b".repeat(257)];
    expect(encoder.encode(long)).toBe(encoder.encode(long));
    encoder.limitTable(35);
    encoder.encode([]);
    expect(hexOf(encoder.encode(["ab", "cd"]))).toBe("00026162026364");
    expect(hexOf(encoder.encode(["a", "bc"]))).toBe("400161026263");
    expect(hexOf(encoder.encode(["a", "bc"]))).toBe("be");
  });

  test("knows a name's newer value when the older was evicted", () => {
    const encoder = createHpackEncoder();
    encoder.limitTable(70);
    encoder.encode(["a", "1", "a", "2", "b", "3"]);
    expect(hexOf(encoder.encode(["a", "2"]))).toBe("bf");
  });

  test("forgets what was evicted", () => {
    const encoder = createHpackEncoder();
    encoder.limitTable(70);
    const of = (name: string) => hexOf(encoder.encode([name, "1"]));
    expect(of("a")).toBe(`3f27${literal("a", "1")}`);
    expect(of("b")).toBe(literal("b", "1"));
    expect(of("a")).toBe("bf");
    expect(of("c")).toBe(literal("c", "1"));
    expect(of("a")).toBe(literal("a", "1"));
    expect(of("b")).toBe(literal("b", "1"));
  });

  test.each([
    ["nothing for the limit there is", [4096], ""],
    ["nothing for more than it uses", [65_536], ""],
    ["a lower limit", [100], "3f45"],
    ["a limit of 0", [0], "20"],
    ["the last of falling limits", [200, 100], "3f45"],
    ["the lowest and the last", [200, 0, 100], "203f45"],
    ["the lowest although the limit is what it was", [100, 4096], "3f453fe11f"],
    ["no more than it uses", [100, 65_536], "3f453fe11f"],
  ])("announces %s", (_what, limits, hex) => {
    const encoder = createHpackEncoder();
    for (const limit of limits) encoder.limitTable(limit);
    expect(hexOf(encoder.encode([]))).toBe(hex);
    expect(encoder.encode([])).toBe("");
  });
});
