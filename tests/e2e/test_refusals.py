# SPDX-License-Identifier: Apache-2.0
"""What the relay refuses to start with: exit status 1, and a message that helps."""

import unittest

from case import FAMILY, EndToEndTest
from netns_socket import UdpSocket
from relay import PORT
from topology import RELAY_CLIENT_SIDE, host_port

NOT_OURS = {4: "203.0.113.9", 6: "2001:db8:9::9"}[FAMILY]


class Refusals(EndToEndTest):
    def assert_refused(self, *words, **options):
        relay = self.make_relay(**options)
        status, text = relay.refused()
        self.assertEqual(status, 1, text)
        for word in words:
            self.assertIn(word, text)

    def test_an_unknown_key(self):
        self.assert_refused("listen.prot", "port", "turnpike.toml:",
                            change=lambda config: config["listen"].update(prot=3478))

    def test_a_bad_value(self):
        self.assert_refused("listen.port", change=lambda config: config["listen"].update(port="many"))

    def test_a_file_that_is_not_there(self):
        relay = self.make_relay()
        relay.command[-1] += ".not"
        status, text = relay.refused()
        self.assertEqual(status, 1)
        self.assertIn(".not", text)

    def test_no_credentials(self):
        self.assert_refused("auth", change=lambda config: config.pop("auth"))

    def test_a_port_in_use(self):
        taken = UdpSocket(self.topology.relay, RELAY_CLIENT_SIDE[FAMILY], PORT)
        self.addCleanup(taken.close)
        self.assert_refused(host_port(RELAY_CLIENT_SIDE[FAMILY], PORT))

    def test_an_address_that_is_not_on_the_host(self):
        self.assert_refused(NOT_OURS, RELAY_CLIENT_SIDE[FAMILY],
                            change=lambda config: config["listen"].update(addresses=[NOT_OURS]))

    def test_a_relay_address_that_is_not_on_the_host(self):
        self.assert_refused(NOT_OURS, change=lambda config: config["relay"].update(addresses=[NOT_OURS]))

    def test_missing_capabilities(self):
        for capability in ("bpf", "net_admin", "net_raw"):
            # sys_admin stands for bpf and net_admin in the kernel's eyes.
            drop = f"-{capability},-sys_admin"
            with self.subTest(capability=capability):
                self.assert_refused(f"cap_{capability}", prefix=(
                    "setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}"))

    def test_a_second_relay_with_the_same_state(self):
        first = self.start_relay()

        def same_state_other_port(config):
            config["state_dir"] = first.config["state_dir"]
            config["listen"]["port"] = PORT + 10

        second = self.make_relay(change=same_state_other_port)
        status, text = second.refused()
        self.assertEqual(status, 1, text)
        self.assertIn("state", text)

    def assertIn(self, member, container, msg=None):  # noqa: N802, unittest's name
        """Words in messages may be in any case."""
        super().assertIn(member.lower(), container.lower(), msg)


if __name__ == "__main__":
    unittest.main()
