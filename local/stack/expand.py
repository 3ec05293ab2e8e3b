"""Writes a template with its loops written out, as CloudFormation sees it after AWS::LanguageExtensions.

    expand.py TEMPLATE OUTPUT

checkov and `sam local` do not look into loops, and local/checks/policytest checks single resources: all of them read this
form, which is JSON. It is made by the local AWS's own transform, the one that a deployment to this machine goes
through. The output keeps the hash of what it was made from, so that an unchanged template is not expanded twice.
"""

import hashlib
import json
import os
import sys
import tempfile

LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"


def source_hash(template):
    """The hash of all that the output depends on: the template, this program and the list of packages beside it."""
    here = os.path.dirname(os.path.abspath(__file__))
    digest = hashlib.sha256()
    for path in (template, __file__, os.path.join(here, "..", "requirements-aws.txt")):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def is_current(output, source):
    try:
        with open(output, encoding="utf-8") as file:
            return json.load(file)["Metadata"]["ExpandedFrom"] == source
    except (OSError, ValueError, KeyError):
        return False


def expanded(text):
    # Imported here, because it takes seconds and an unchanged template does not need it.
    import yaml
    from ministack.services.cloudformation import engine, language_extensions

    class Loader(yaml.CSafeLoader):
        """The engine's own reader of short forms (!Ref, !Sub), on the fast parser."""

    Loader.yaml_constructors = engine.CfnLoader.yaml_constructors
    template = yaml.load(text, Loader=Loader)
    defaults = {
        name: parameter["Default"]
        for name, parameter in template["Parameters"].items()
        if "Default" in parameter
    }
    template = language_extensions.apply(template, defaults)
    transforms = template["Transform"]
    if isinstance(transforms, list):
        template["Transform"] = next(name for name in transforms if name != LANGUAGE_EXTENSIONS)
    return fold_variables(template)


def fold_variables(node):
    """Puts the variables of an Fn::Sub into its text where they are texts or references: every reader understands
    the short form, and a text without variables needs no function."""
    if isinstance(node, list):
        return [fold_variables(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: fold_variables(value) for key, value in node.items()}
    argument = node.get("Fn::Sub")
    if isinstance(argument, list):
        text, variables = argument
        values = {name: short_form(value) for name, value in variables.items()}
        if None in values.values():
            return node
        for name, value in values.items():
            text = text.replace("${" + name + "}", value)
        argument = text
    if isinstance(argument, str):
        return {"Fn::Sub": argument} if "${" in argument else argument
    return node


def short_form(value):
    """How a value is written inside the text of an Fn::Sub, None where it cannot be."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("Ref"), str):
        return "${" + value["Ref"] + "}"
    return None


def write(template, output):
    """Writes in one step: tests of several packages may ask for the same file at once."""
    folder = os.path.dirname(os.path.abspath(output))
    os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, delete=False) as file:
        json.dump(template, file, ensure_ascii=False, indent=1)
    os.replace(file.name, output)


def main(template, output):
    source = source_hash(template)
    if is_current(output, source):
        return
    with open(template, encoding="utf-8") as file:
        result = expanded(file.read())
    result["Metadata"] = {**result.get("Metadata", {}), "ExpandedFrom": source}
    write(result, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
