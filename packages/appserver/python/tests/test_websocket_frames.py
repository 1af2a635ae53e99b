"""RFC 6455 frames: masks, lengths, fragments in any split, what is refused."""

import os
import random
import unittest

from stack_worker.asgi.websocket_frames import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    FrameReader,
    WebSocketError,
    accept_key,
    encode_close,
    encode_frame,
    unmask,
)


def client_frame(opcode, payload, final=True, mask=b"\x01\x02\x03\x04", first=None):
    head = bytearray(encode_frame(opcode, payload))
    head[0] = (0x80 if final else 0) | opcode if first is None else first
    head[1] |= 0x80
    return bytes(head) + mask + slow_unmask(payload, mask)


def slow_unmask(data, mask):
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))


class Frames(unittest.TestCase):
    def test_the_key_of_the_rfc(self):
        self.assertEqual(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

    def test_unmask_is_the_exclusive_or_of_every_byte(self):
        for size in (0, 1, 2, 3, 4, 5, 125, 1000, 65535, 65536, 65537, 200_001):
            data, mask = os.urandom(size), os.urandom(4)
            self.assertEqual(unmask(data, mask), slow_unmask(data, mask), size)

    def test_messages_come_out_whole_whatever_the_split(self):
        large = os.urandom(70_000)
        stream = b"".join(
            (
                client_frame(TEXT, "héllo".encode()),
                client_frame(BINARY, b"", mask=b"\0\0\0\0"),
                client_frame(BINARY, b"fr", final=False),
                client_frame(PING, b"between"),
                client_frame(0, b"ag", final=False),
                client_frame(0, b"ments"),
                client_frame(BINARY, large),
                client_frame(BINARY, b"x" * 126),
                client_frame(CLOSE, b"\x03\xe8bye"),
            )
        )
        expected = [
            (TEXT, "héllo"),
            (BINARY, b""),
            (PING, b"between"),
            (BINARY, b"fragments"),
            (BINARY, large),
            (BINARY, b"x" * 126),
            (CLOSE, (1000, "bye")),
        ]
        dice = random.Random(6455)
        for most in (1, 7, 1000, len(stream)):
            reader, messages, at = FrameReader(1 << 20), [], 0
            while at < len(stream):
                step = dice.randint(1, most)
                messages += reader.feed(stream[at : at + step])
                at += step
            self.assertEqual(messages, expected)

    def test_what_a_client_may_not_send(self):
        refused = [
            (1002, encode_frame(TEXT, b"a") + b"a"),
            (1002, client_frame(TEXT, b"a", first=0xC1)),
            (1002, client_frame(3, b"a")),
            (1002, client_frame(11, b"a")),
            (1002, client_frame(PING, b"a" * 126)),
            (1002, client_frame(PING, b"a", final=False)),
            (1002, client_frame(0, b"a")),
            (1002, client_frame(TEXT, b"a", final=False) + client_frame(TEXT, b"b")),
            (1002, client_frame(CLOSE, b"a")),
            (1002, client_frame(CLOSE, b"\x03\xed")),
            (1002, client_frame(CLOSE, b"\x00\x01")),
            (1007, client_frame(TEXT, b"\xff\xfe")),
            (1007, client_frame(CLOSE, b"\x03\xe8\xff")),
            (1009, client_frame(BINARY, b"a" * 101)),
            (1009, client_frame(BINARY, b"a" * 60, final=False) + client_frame(0, b"a" * 41)),
        ]
        for code, data in refused:
            with self.assertRaises(WebSocketError) as caught:
                FrameReader(100).feed(data)
            self.assertEqual(caught.exception.code, code, data[:20])

    def test_nothing_comes_after_a_close(self):
        frames = client_frame(CLOSE, b"\x03\xe8") + client_frame(TEXT, b"late") + client_frame(3, b"")
        self.assertEqual(FrameReader(100).feed(frames), [(CLOSE, (1000, ""))])

    def test_what_came_before_a_mistake_is_not_lost(self):
        with self.assertRaises(WebSocketError) as caught:
            FrameReader(100).feed(client_frame(TEXT, b"early") + client_frame(3, b""))
        self.assertEqual(caught.exception.messages, [(TEXT, "early")])

    def test_fragments_of_one_byte_and_none_are_joined(self):
        text = "häppchen" * 1000
        frames = [client_frame(TEXT, b"", final=False)]
        frames += [client_frame(0, bytes((byte,)), final=False) for byte in text.encode()]
        frames += [client_frame(PING, b"x"), client_frame(0, b"", final=False), client_frame(0, b"")]
        self.assertEqual(FrameReader(1 << 20).feed(b"".join(frames)), [(PING, b"x"), (TEXT, text)])

    def test_a_close_reason_is_cut_between_characters(self):
        frame = encode_close(1000, "é" * 100)
        self.assertEqual(len(frame), 2 + 2 + 122)
        frame[4:].decode()
        self.assertEqual(encode_close(1005), b"\x88\x00")


if __name__ == "__main__":
    unittest.main()
