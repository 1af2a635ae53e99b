"""Python 3.9 must be able to read all of this package, whatever runs the tests."""

import ast
import os
import unittest

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _sources():
    for folder, _, files in os.walk(os.path.join(_ROOT, "stack_worker")):
        for name in files:
            if name.endswith(".py"):
                yield os.path.join(folder, name)


class SyntaxTest(unittest.TestCase):
    def test_no_file_is_newer_than_python_39(self):
        sources = list(_sources())
        self.assertGreater(len(sources), 15)
        for path in sources:
            with self.subTest(os.path.relpath(path, _ROOT)), open(path, encoding="utf-8") as file:
                ast.parse(file.read(), path, feature_version=(3, 9))

    def test_the_check_notices_newer_syntax(self):
        with self.assertRaises(SyntaxError):
            ast.parse("match x:\n    case 1: pass\n", feature_version=(3, 9))
