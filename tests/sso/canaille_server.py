"""Serves Canaille on a free port of this machine, with the people and the client that are told on standard input.

It says where it listens on the first line of its output, and ends when its input ends: no provider outlives the tests.
"""

import json
import os
import sys
import threading

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from joserfc.jwk import RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    def log_request(self, *args):
        pass


def main():
    told = json.loads(sys.stdin.readline())
    config = {
        "SECRET_KEY": os.urandom(16).hex(),
        "PREFERRED_URL_SCHEME": "http",
        # Scripts, and what they fetch, are no part of what is tested.
        "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "HTMX": False, "TIMEZONE": "UTC", "LANGUAGE": "en"},
        "CANAILLE_OIDC": {
            "ACTIVE_JWKS": [RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)],
            "DYNAMIC_CLIENT_REGISTRATION_OPEN": True,
            "USERINFO_MAPPING": {
                "SUB": "{{ user.employee_number }}",
                "PREFERRED_USERNAME": "{{ user.user_name }}",
            },
        },
    }
    app = create_app(config)
    with app.app_context(), Backend.instance.session():
        for person in told["people"]:
            user = models.User(
                user_name=person["login"],
                password=person["password"],
                employee_number=person["sub"],
                emails=[person["email"]],
                formatted_name=person["name"],
                family_name=person["name"].split()[-1],
            )
            Backend.instance.save(user)

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.port}", flush=True)
    sys.stdin.read()


main()
