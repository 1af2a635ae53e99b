"""A Django project in one file: a template, sessions and the usual middleware, so that it weighs what sites weigh."""

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    SECRET_KEY="for the benchmark only",
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.template import Context, Template  # noqa: E402
from django.urls import path  # noqa: E402

PAGE = Template("<h1>Hello</h1><ul>{% for item in items %}<li>{{ item }}</li>{% endfor %}</ul>")


def index(request):
    return HttpResponse(PAGE.render(Context({"items": range(20)})))


urlpatterns = [path("", index)]
application = get_wsgi_application()
