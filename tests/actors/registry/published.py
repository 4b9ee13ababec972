"""What is in the real registries of the tests."""

from deploy.local import Registry
from deploy.local.publisher import Repository, publish_plugin, publish_rules

RULES = b"- macro: opened\n  condition: evt.type = open\n"
ABOUT_RULES = {
    "name": "falco-rules",
    "version": "1.2.3",
    "requirements": [{"name": "engine_version_semver", "version": 31}],
    "dependencies": [
        {"name": "json", "version": "0.7.0", "alternatives": [{"name": "k8s", "version": "0.1.0"}]}
    ],
}
LIBRARIES = {"linux/amd64": b"for amd64", "linux/arm64": b"for arm64"}
ABOUT_PLUGIN = {"name": "json", "version": "0.7.0"}


class Published:
    """The directory of a registry that is not running, and the digests of what is in it."""

    def __init__(self, directory):
        self.directory = directory
        with Registry(directory) as registry:
            target, tags = Repository(registry.url), ["1.2.3", "latest"]
            self.rules = publish_rules(target, "falco/rules", tags, RULES.decode(), ABOUT_RULES)
            self.plugin = publish_plugin(target, "falco/json", ["0.7.0"], LIBRARIES, ABOUT_PLUGIN)
