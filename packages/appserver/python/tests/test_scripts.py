"""Apps in files that are named by their path, as mod_wsgi has them."""

import os
import unittest

from .harness import WorkerTest

SCRIPT = """
    import neighbour

    def {name}(environ, start_response):
        start_response("200 OK", [])
        return [f"{{__file__}} {{__name__}} {{neighbour.WORD}}".encode()]
"""


class Scripts(WorkerTest):
    def setUp(self):
        super().setUp()
        self.write("conf/neighbour.py", "WORD = 'beside it'\n")

    def served(self, spec, name="application", file="conf/my-site.wsgi", **options):
        options.setdefault("env", {"PYTHONDONTWRITEBYTECODE": ""})
        worker = self.worker(SCRIPT.format(name=name), name=file, spec=spec, **options)
        return self.edge(worker).get()[1].decode()

    def expected(self, path):
        return f"{os.path.join(self.folder, path)} stack_app_my_site beside it"

    def test_a_path_below_cwd_and_an_absolute_one(self):
        self.assertEqual(self.served("conf/my-site.wsgi"), self.expected("conf/my-site.wsgi"))
        absolute = os.path.join(self.folder, "conf/my-site.wsgi")
        self.assertEqual(self.served(absolute), self.expected("conf/my-site.wsgi"))

    def test_the_callable_is_application_or_app_or_what_is_named(self):
        self.assertIn("beside it", self.served("conf/my-site.wsgi", name="app"))
        self.assertIn("beside it", self.served("conf/my-site.wsgi:serve", name="serve"))

    def test_it_is_imported_in_each_worker_without_preload(self):
        self.assertIn("beside it", self.served("conf/my-site.wsgi", preload=False))

    def test_no_compiled_code_is_left_or_taken(self):
        # That of conf/graphite.py would have the name of conf/graphite.wsgi's.
        self.write("conf/graphite.py", "raise RuntimeError('the module, not the script')\n")
        self.served("conf/graphite.wsgi", file="conf/graphite.wsgi")
        left = os.path.join(self.folder, "conf", "__pycache__")
        self.assertEqual({name.split(".")[0] for name in os.listdir(left)}, {"neighbour"})

    def failure(self, spec):
        return self.zygote(spec).lines.next()

    def test_a_file_that_is_not_there(self):
        self.write("conf/site.wsgi", "")
        facts = self.failure("conf/sit.wsgi:app")
        self.assertEqual((facts["kind"], facts["module"]), ("module-not-found", "conf/sit.wsgi"))
        self.assertEqual(facts["found"], ["conf/neighbour.py", "conf/site.wsgi"])

    def test_a_file_without_an_app(self):
        self.write("conf/site.wsgi", "def main(environ, start_response):\n    pass\n")
        facts = self.failure("conf/site.wsgi")
        self.assertEqual((facts["kind"], facts["name"]), ("attribute-missing", "application"))
        self.assertEqual(facts["found"], ["main (function)"])

    def test_a_file_that_raises_shows_its_own_line_and_no_other(self):
        self.write("site.wsgi", "import os\nraise ValueError('no settings')\n")
        facts = self.failure("./site.wsgi")
        self.assertEqual(facts["kind"], "error")
        self.assertIn(f'File "{self.folder}/site.wsgi", line 2', facts["traceback"])
        self.assertIn("raise ValueError('no settings')", facts["traceback"])
        self.assertNotIn("stack_worker", facts["traceback"])
        self.assertNotIn("importlib", facts["traceback"])

    def test_a_file_that_is_no_python(self):
        self.write("site.wsgi", "<VirtualHost *:80>\n")
        facts = self.failure("./site.wsgi")
        self.assertEqual(facts["kind"], "error")
        self.assertIn("SyntaxError", facts["traceback"])


if __name__ == "__main__":
    unittest.main()
