# SPDX-License-Identifier: Apache-2.0
"""The topology of the other tests on other wires: they need modules that not every kernel has, so
tests/kernel/run_devices.py runs them in a machine of its own. TURNPIKE_TOPOLOGY names one:

    vlan    an 802.1Q tag on the client's wire, 802.1ad outside 802.1Q on the peer's; the XDP program runs on the
            devices below
    netem   both ends delay, reorder and lose what they send
    virtio  the client's wire is two virtio_net devices, net0 and net1
"""

import os

from topology import Namespace, Topology, run

HOST_WIRE = ("net0", "net1")
MTU = 1500


class VlanTopology(Topology):
    # Outer tag first: (protocol, id).
    TAGS = {"client0": [("802.1Q", 100)], "peer0": [("802.1ad", 200), ("802.1Q", 30)]}

    def _address_device(self, namespace, interface):
        """The devices of the interface's tags on top of it. The tags are part of the frames: a veth would
        otherwise hand them on beside the frame, where no XDP program sees them."""
        tags = self.TAGS["client0" if namespace is self.client else "peer0" if namespace is self.peer
                         else interface]
        namespace.run("ethtool", "-K", interface, "txvlan", "off", "rxvlan", "off")
        namespace.run("ethtool", "-K", interface, "tx-vlan-stag-hw-insert", "off", "rx-vlan-stag-hw-parse", "off")
        # A wire takes one tag beyond its MTU; each further one needs a larger MTU, also below the addresses.
        namespace.ip("link", "set", interface, "mtu", str(MTU + 4 * (len(tags) - 1)))
        namespace.ip("link", "set", interface, "up")
        below = interface
        for protocol, number in tags:
            name = f"{below[:9]}.{number}"
            namespace.ip("link", "add", "link", below, "name", name, "type", "vlan", "protocol", protocol, "id",
                         str(number))
            namespace.ip("link", "set", name, "up")
            below = name
        namespace.ip("link", "set", below, "mtu", str(MTU))
        return below


class NetemTopology(Topology):
    LOSS_PERCENT = 2

    def _connect(self, end, *rest):
        super()._connect(end, *rest)
        end.run("tc", "qdisc", "add", "dev", "veth0", "root", "netem", "delay", "3ms", "2ms", "loss",
                f"{self.LOSS_PERCENT}%", "reorder", "20%", "50%")


class VirtioTopology(Topology):
    def _make_wire(self, end, relay_interface):
        if end is not self.client:
            return super()._make_wire(end, relay_interface)
        for device, namespace, name in zip(HOST_WIRE, (end, self.relay), ("veth0", relay_interface)):
            run("ip", "link", "set", device, "netns", namespace.name)
            namespace.ip("link", "set", device, "name", name)
        return None

    def remove(self):
        """The devices outlive the namespaces, and the next test looks for them by name."""
        for namespace, name, device in ((getattr(self, "client", None), "veth0", HOST_WIRE[0]),
                                        (getattr(self, "relay", None), "client0", HOST_WIRE[1])):
            if not isinstance(namespace, Namespace) or namespace not in self.namespaces:
                continue
            namespace.run("ip", "link", "set", name, "down", check=False)
            namespace.run("ip", "link", "set", name, "name", device, check=False)
            namespace.run("ip", "link", "set", device, "netns", "1", check=False)
        super().remove()


def chosen():
    """The class that TURNPIKE_TOPOLOGY names."""
    return {"veth": Topology, "vlan": VlanTopology, "netem": NetemTopology,
            "virtio": VirtioTopology}[os.environ.get("TURNPIKE_TOPOLOGY", "veth")]
