"""Uses a cluster as users of docker-py do. It has done its work when it ends without an error."""

import io
import tarfile
import threading

import docker

LABEL = "used-by=docker-py"
client = docker.from_env(timeout=30)


def start(command, host=None, **options):
    """A container that goes on, on some host or on a certain one."""
    environment = [f"constraint:node=={host}"] if host else []
    return client.containers.run(
        "busybox", command, detach=True, environment=environment, labels={"used-by": "docker-py"}, **options
    )


def archive(name, content):
    """A tar archive with one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def system():
    assert client.ping()
    assert client.info()["Swarm"]["LocalNodeState"] == "active"
    assert client.version()["Os"] == "linux"
    assert client.df()["Images"]
    assert sorted(node.attrs["Description"]["Hostname"] for node in client.nodes.list()) == ["h1", "h2", "h3"]


def run():
    elsewhere = ["constraint:node==h2"]
    said = client.containers.run("busybox", "sh -c 'echo out; echo err >&2'", environment=elsewhere, remove=True)
    assert said == b"out\n", said
    both = client.containers.run("busybox", "sh -c 'echo err >&2'", stderr=True, environment=elsewhere, remove=True)
    assert both == b"err\n", both
    try:
        client.containers.run("busybox", "sh -c 'echo why >&2; exit 3'", environment=elsewhere, remove=True)
        raise AssertionError("a failure was not told")
    except docker.errors.ContainerError as err:
        assert (err.exit_status, err.stderr) == (3, b"why\n"), err
    try:
        client.containers.get("nobody")
        raise AssertionError("nobody was found")
    except docker.errors.NotFound:
        pass


def container():
    one = start("sh -c 'echo ready; while read line; do echo got $line; done'", "h3", name="py-one", stdin_open=True)
    assert client.containers.get("h3/py-one").attrs["Node"]["Name"] == "h3"
    assert next(one.logs(stream=True, follow=True)) == b"ready\n"
    attached = one.attach(stream=True)
    written = one.attach_socket(params={"stdin": 1, "stream": 1})
    written._sock.sendall(b"this\n")
    assert next(attached) == b"got this\n"
    written.close()

    assert one.exec_run("sh -c 'exit 7'").exit_code == 7
    assert one.exec_run("sh -c 'echo out; echo err >&2'", demux=True).output == (b"out\n", b"err\n")
    assert b"".join(one.exec_run("seq 3", stream=True).output) == b"1\n2\n3\n"
    assert one.put_archive("/tmp", archive("note", b"kept\n"))
    content, status = one.get_archive("/tmp/note")
    assert status["size"] == 5, status
    with tarfile.open(fileobj=io.BytesIO(b"".join(content))) as tar:
        assert tar.extractfile("note").read() == b"kept\n"
    assert {"Path": "/tmp/note", "Kind": 1} in one.diff()
    assert one.stats(stream=False)["name"] == "/py-one"
    assert next(one.stats(decode=True))["id"] == one.id
    assert "read line" in str(one.top()["Processes"])

    one.pause()
    assert [paused.name for paused in client.containers.list(filters={"status": "paused"})] == ["py-one"]
    one.unpause()
    one.rename("py-two")
    one.update(mem_limit="64m", memswap_limit="64m")
    one.restart(timeout=0)
    one.reload()
    assert (one.name, one.status, one.attrs["HostConfig"]["Memory"]) == ("py-two", "running", 64 << 20), one.attrs
    image = one.commit("docker-py", "1")
    assert image.tags == ["docker-py:1"]
    assert sum(len(chunk) for chunk in one.export()) > 500_000
    one.kill()
    assert one.wait()["StatusCode"] == 137
    one.remove()
    assert client.containers.list(all=True, filters={"label": LABEL}) == []


def images():
    image = client.images.get("docker-py:1")
    assert image.tag("docker-py", "2")
    assert client.images.list("docker-py")[0].id == image.id
    assert image.history()[0]["Id"] == image.id
    saved = b"".join(image.save(named=True))
    client.images.remove("docker-py:1")
    client.images.remove("docker-py:2")
    assert client.images.load(saved)[0].id == image.id
    dockerfile = b"FROM docker-py:1\nRUN echo built > /built\nLABEL used-by=docker-py\n"
    built, lines = client.images.build(fileobj=io.BytesIO(dockerfile), tag="docker-py:built", rm=True)
    assert any("Successfully built" in line.get("stream", "") for line in lines)
    assert client.containers.run("docker-py:built", "cat /built", remove=True) == b"built\n"
    client.images.remove("docker-py:built")
    client.images.remove("docker-py:1")
    assert client.images.list("docker-py") == []
    try:
        client.images.pull("10.77.0.254:9/nothing", tag="1")
        raise AssertionError("nothing was pulled")
    except docker.errors.APIError as err:
        assert "10.77.0.254:9" in err.explanation, err


def volumes_and_networks():
    volume = client.volumes.create("py-data", labels={"used-by": "docker-py"})
    mounted = {"py-data": {"bind": "/data", "mode": "rw"}}
    client.containers.run("busybox", "touch /data/file", volumes=mounted, remove=True)
    assert client.containers.run("busybox", "ls /data", volumes=mounted, remove=True) == b"file\n"
    assert [found.name for found in client.volumes.list(filters={"label": LABEL})] == ["py-data"]
    volume.remove()

    network = client.networks.create("py-net", driver="overlay", attachable=True, labels={"used-by": "docker-py"})
    first = start("sleep 1000", "h1", name="py-first", network="py-net")
    second = start("sleep 1000", "h2", name="py-second")
    network.connect(second, aliases=["other"])
    for name in ["py-second", "other"]:
        reached = f"until ping -c 1 -w 2 {name}; do sleep 0.1; done"
        assert first.exec_run(["timeout", "20", "sh", "-c", reached]).exit_code == 0, name
    assert client.networks.list(names=["py-net"], filters={"label": LABEL})[0].id == network.id
    network.disconnect(second)
    for each in [first, second]:
        each.stop(timeout=0)
    removed = client.containers.prune(filters={"label": LABEL})["ContainersDeleted"]
    assert sorted(removed) == sorted([first.id, second.id]), removed
    network.remove()


def events():
    seen = {"h1": [], "h2": []}
    stream = client.events(decode=True, filters={"type": "container", "event": ["start", "die"], "label": LABEL})

    def read():
        for _, event in zip(range(4), stream):
            seen[event["Actor"]["Attributes"]["name"]].append(event["Action"])

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    ended = [start("true", host, name=host) for host in seen]
    reader.join(timeout=20)
    stream.close()
    assert seen == {"h1": ["start", "die"], "h2": ["start", "die"]}, seen
    for each in ended:
        each.remove()


def low_level():
    api = client.api
    host_config = api.create_host_config(publish_all_ports=True, binds=["/tmp:/host:ro"], restart_policy={"Name": "no"})
    created = api.create_container("flotilla/demo:1", host_config=host_config, ports=[80], name="py-low")
    api.start(created)
    (binding,) = api.port(created["Id"], 80)
    (listed,) = api.containers(filters={"name": "^/py-low$"})
    assert listed["Names"][0] == "/py-low"
    assert listed["Ports"][0]["PublicPort"] == int(binding["HostPort"])
    assert binding["HostIp"] == api.inspect_container("py-low")["Node"]["IP"]
    api.remove_container("py-low", force=True)


for scene in [system, run, container, images, volumes_and_networks, events, low_level]:
    scene()
