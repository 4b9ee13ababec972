"""A real node on this machine, for `make e2e-node` and `make run ARGS=--real-node`.

kubelet, kube-proxy, containerd, runc and the CNI plugins run as root in namespaces of their own,
together with the control plane and whatever uses both (`enclosure`, `inside`). Images are built
without a container engine's daemon and without a registry (`images`).
"""
