"""Prints as JSON what `sam local` finds in a template: the functions, and the routes with the function behind each.

    samview.py TEMPLATE [NAME=VALUE...]

It asks SAM's own providers, which need no container engine.
"""

import json
import sys

from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider


def function(found):
    variables = (found.environment or {}).get("Variables", {})
    return {"code": found.codeuri, "variables": sorted(variables), "stage": variables.get("STAGE")}


def main(template, *parameters):
    given = dict(p.split("=", 1) for p in parameters)
    stacks, _ = SamLocalStackProvider.get_stacks(template, parameter_overrides=given, language_extensions_enabled=True)
    functions = SamFunctionProvider(stacks)
    routes = []
    for route in ApiProvider(stacks).routes:
        behind = functions.get(route.function_name) if route.function_name else None
        authorizer = route.authorizer_object
        routes.append({
            "methods": sorted(route.methods),
            "path": route.path,
            "function": behind.name if behind else None,
            "authorizer": authorizer.lambda_name if authorizer else None,
        })
    json.dump({"functions": {f.name: function(f) for f in functions.get_all()}, "routes": routes}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
