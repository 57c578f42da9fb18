#!/bin/bash
# The container image: built twice with one digest, small, and run as a stranger would run it: not
# root, no capability, root file system read-only, one volume. Run by `tests/run --service`, as root.
# Needs no engine's daemon: buildah builds; podman with runc runs, and where this machine does
# not let it, a chroot with the same rights does.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || fail "this test needs root"
for program in buildah setpriv unshare; do
  command -v "$program" >/dev/null || fail "there is no $program: tools/packages image installs it"
done
cd "$CORDON_ROOT"
export BUILDAH_OPTIONS="--storage-driver vfs --root $work/storage --runroot $work/runroot"
engine=(podman --storage-driver vfs --root "$work/storage" --runroot "$work/runroot"
  --tmpdir "$work/engine" --network-config-dir "$work/networks" --cgroup-manager=cgroupfs --runtime runc)

say "two builds from nothing give the same digest"
deploy/container/build --no-install --context "$work/first" --tag localhost/cordon:first \
  --output "$work/cordon.tar" --docker "$work/cordon-docker.tar" >"$work/first.out" || fail "the build failed: $(cat "$work/first.out")"
deploy/container/build --no-install --context "$work/second" --tag localhost/cordon:second >"$work/second.out" ||
  fail "the build failed: $(cat "$work/second.out")"
first=$(sed -n 's/^digest *//p' "$work/first.out")
second=$(sed -n 's/^digest *//p' "$work/second.out")
[[ $first == sha256:* ]] || fail "no digest: $(cat "$work/first.out")"
[ "$first" = "$second" ] || fail "two builds, two digests: $first $second"
root="$work/first/root"

say "at most 15 MB, two programs, no shell, nothing that changes its user"
octets=$(find "$root" "$work/first/state" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
[ "$octets" -le 15000000 ] || fail "the files have $octets octets, and the build has not seen it"
say "the files have $octets octets, what is fetched $(stat -c %s "$work/cordon.tar"), $first"
tar -xOf "$work/cordon-docker.tar" manifest.json | says '"localhost/cordon:first' || fail "docker load would find no image"
programs=$(find "$root" -type f -perm /111 ! -name 'ld-*' -printf '%P\n' | sort | tr '\n' ' ')
[ "$programs" = "usr/bin/cordon usr/sbin/cordond " ] || fail "programs: $programs"
[ -z "$(find "$root" -perm /6000)" ] || fail "something changes its user"
if grep -rqF "$work" "$root/usr/sbin" "$root/usr/bin"; then fail "the programs name where they were built"; fi

say "it knows who an upstream over TLS is, and the clocks of the world, by the machine that built it"
{
  echo 'upstreams: {servers: ["tls://192.0.2.53#dns.example"]}'
  echo 'lists: {directory: /usr/share/cordon/blocklists, use: {huawei-cloud: enforce}}'
  echo 'schedules: {night: {zone: Europe/Berlin}, far: {zone: Pacific/Auckland}}'
  echo 'policy: {when: [{schedule: night, mode: log}, {schedule: far, mode: log}]}'
} >"$work/second/root/tmp/tls.yaml"
chroot --userspec=65532:65532 "$work/second/root" /usr/bin/cordon check /tmp/tls.yaml >"$work/tls" 2>&1 ||
  fail "an upstream over TLS is refused: $(cat "$work/tls")"
if grep -q 'no CA certificates' "$work/tls"; then fail "$(cat "$work/tls")"; fi

say "its libmicrohttpd is without TLS, and serves all the same"
[ -z "$(find "$root" -name 'libgnutls*' -o -name 'libmicrohttpd*')" ] || fail "there is GnuTLS in it"
CORDON_BUILD="$work/first/build" "$here/test_http.sh" >"$work/http" 2>&1 || fail "HTTP: $(tail -n 5 "$work/http")"

# The clients' side is the same for both ways of running it.
check_answers() { # PORT
  wait_until 30 answers "$host" "$1" || fail "no answer: $(cat "$work"/container*.log)"
  [ "$(dig "@$host" -p "$1" +short +time=2 myhuaweicloud.com)" = 0.0.0.0 ] || fail "the name is not blocked"
  [ "$(dig "@$host" -p "$1" +short +tcp +time=2 myhuaweicloud.com)" = 0.0.0.0 ] || fail "not over TCP"
}

say "in a chroot: not root, no capability, no new rights, root read-only, one volume"
mkdir "$work/volume"
cp -a "$work/first/state/." "$work/volume/"
chown -R 65532:65532 "$work/volume"
cat >"$work/enter" <<'ENTER'
set -e
mount --bind "$1" "$1"
mount --bind "$2" "$1/var/lib/cordon"
mount -o remount,bind,ro "$1"
exec chroot --userspec=65532:65532 --groups= "$1" /usr/sbin/cordond -c /etc/cordon/cordon.yaml
ENTER
start container-chroot unshare --mount --propagation private sh "$work/enter" "$root" "$work/volume"
inside=$started
check_answers 5300
grep -q '^Uid:[[:space:]]*65532' "/proc/$inside/status" || fail "it is not the user of the image"
grep -q '^CapPrm:[[:space:]]*0000000000000000$' "/proc/$inside/status" || fail "it has capabilities"
ls "$work/volume/state/"*.image >/dev/null || fail "no image is kept in the volume"
nsenter --target "$inside" --mount chroot --userspec=65532:65532 "$root" /usr/bin/cordon status --json \
  -c /etc/cordon/cordon.yaml >"$work/health" || fail "the health check fails"
python3 -c 'import json, sys; s = json.load(open(sys.argv[1])); sys.exit(not (s["ok"] and s["rights"]["user"] == "cordon"))' "$work/health" ||
  fail "rights: $(cat "$work/health")"
stop "$inside"
[ "$stopped" -eq 0 ] || fail "it ended with $stopped"

say "with podman and runc, all capabilities dropped, read-only"
if ! command -v podman >/dev/null || ! command -v runc >/dev/null || ! command -v docker-compose >/dev/null; then
  fail "there is no podman, runc or docker-compose: tools/packages image installs them"
fi
limits=(--ulimit nofile=1024:4096 --ulimit nproc=512:512)
if ! "${engine[@]}" run --rm --network host --read-only --cap-drop all --security-opt no-new-privileges \
  "${limits[@]}" localhost/cordon:first --version >"$work/version" 2>&1; then
  say "left out: podman does not run here: $(tail -n 1 "$work/version")"
  exit 0
fi
# What runs in the background, with the store that it runs from.
remove_containers() { "${engine[@]}" rm -f -a -t 2 >/dev/null 2>&1; }
trap 'code=$?; set +e; remove_containers; (exit "$code"); stop_all' EXIT
# is_bare NAME: a stranger without any right, in a file system that nothing can change.
is_bare() {
  local pid
  pid=$("${engine[@]}" inspect --format '{{.State.Pid}}' "$1")
  grep -qE '^Uid:[[:space:]]+65532[[:space:]]+65532[[:space:]]+65532[[:space:]]+65532$' "/proc/$pid/status" || fail "$1: not its own user"
  grep -qE '^CapPrm:[[:space:]]+0+$' "/proc/$pid/status" || fail "$1: it has capabilities"
  grep -qE '^NoNewPrivs:[[:space:]]+1$' "/proc/$pid/status" || fail "$1: new rights are possible"
  grep -qE '^[^ ]+ / [^ ]+ ro[ ,]' "/proc/$pid/mounts" || fail "$1: its root can be written"
  "${engine[@]}" exec --user cordon "$1" /usr/bin/cordon status -c "$2" >"$work/shown" || [ $? = 1 ] || fail "$1: no status"
  grep -q '^  user cordon; .*capabilities on (none is left); no_new_privs on; .*seccomp on' "$work/shown" ||
    fail "$1: $(grep -A 1 '^rights' "$work/shown")"
}
end_container() { # NAME [there]
  ${2:-} "${engine[@]}" stop -t 10 "$1" >/dev/null 2>&1
  ${2:-} "${engine[@]}" rm "$1" >/dev/null 2>&1
}

start container-podman "${engine[@]}" run --name cordon-test-$$ --network host --read-only --cap-drop all \
  --security-opt no-new-privileges "${limits[@]}" --health-cmd '["/usr/bin/cordon", "query", "localhost"]' \
  -v cordon-test-$$:/var/lib/cordon localhost/cordon:first
check_answers 5300
is_bare cordon-test-$$ /etc/cordon/cordon.yaml
"${engine[@]}" healthcheck run cordon-test-$$ >/dev/null || fail "it is not healthy"
"${engine[@]}" exec cordon-test-$$ /usr/bin/cordon query @127.0.0.1@5300 myhuaweicloud.com >"$work/query" ||
  fail "cordon query: $(cat "$work/query")"
"${engine[@]}" kill --signal STOP cordon-test-$$ >/dev/null
if "${engine[@]}" healthcheck run cordon-test-$$ >/dev/null 2>&1; then fail "healthy though it stands still"; fi
"${engine[@]}" kill --signal CONT cordon-test-$$ >/dev/null
end_container cordon-test-$$
"${engine[@]}" volume rm cordon-test-$$ >/dev/null

say "the compose files: valid to docker-compose, and each runs as written, in a network of its own"
# Networks for private addresses: others are refused (access.allow).
for file in host macvlan; do
  sed 's/192\.0\.2\./192.168.77./g;s,localhost/cordon$,localhost/cordon:first,' \
    "deploy/container/compose.$file.yaml" >"$work/compose.$file.yaml"
  docker-compose -f "$work/compose.$file.yaml" config >"$work/$file.yaml" || fail "compose.$file.yaml is refused"
done
cat >"$work/outside.sh" <<'OUTSIDE'
# In a network name space of its own, with a second machine "client" beside it.
set -eu
ip link set lo up
mount -t tmpfs none /run/netns
mount -t tmpfs none /var/lib/cni # addresses that were given away
ip netns add client
ip link add eth0 type veth peer name eth0 netns client
ip link set eth0 up
ip -n client link set lo up
ip -n client link set eth0 up
ip -n client addr add 192.168.77.1/24 dev eth0
echo up
exec sleep 600
OUTSIDE
mkdir -p /run/netns /var/lib/cni
start outside unshare --net --mount --propagation private sh "$work/outside.sh"
outside=$started
wait_until 10 grep -qs up "$work/outside.out" || fail "no network: $(cat "$work/outside.log")"
there() { nsenter --target "$outside" --net --mount -- "$@"; }
options() { /usr/bin/python3 "$here/compose.py" "$1" "$work/$2.yaml"; }
mapfile -t words < <(options networks macvlan)
there "${engine[@]}" network create "${words[@]}" >/dev/null || fail "no macvlan"
for file in host macvlan; do
  mapfile -t words < <(options run "$file")
  [ "${#words[@]}" -gt 10 ] || fail "compose.$file.yaml was not understood"
  there "${engine[@]}" run -d --name "cordon-$file" "${limits[@]}" "${words[@]}" >/dev/null 2>"$work/container-$file.log" ||
    fail "compose.$file.yaml: $(cat "$work/container-$file.log")"
  asked=(dig @127.0.0.1)
  [ "$file" = host ] || asked=(ip netns exec client dig @192.168.77.53)
  blocks_there() { [ "$(there "${asked[@]}" +short +time=2 +tries=1 "$@" myhuaweicloud.com)" = 0.0.0.0 ]; }
  wait_until 30 blocks_there || fail "compose.$file.yaml: no answer: $("${engine[@]}" logs "cordon-$file" 2>&1 | tail -n 20)"
  blocks_there +tcp || fail "compose.$file.yaml: no answer over TCP"
  is_bare "cordon-$file" /etc/cordon/lan.yaml
  there "${engine[@]}" healthcheck run "cordon-$file" >/dev/null || fail "compose.$file.yaml: not healthy"
  if [ "$file" = macvlan ]; then
    # Who asked is seen: that is what this network is for.
    "${engine[@]}" logs "cordon-$file" 2>/dev/null | grep -c '"client":"192.168.77.1"' >"$work/seen" || true
    [ "$(cat "$work/seen")" -ge 1 ] || fail "the client is not seen with its own address"
  fi
  end_container "cordon-$file" there
done
stop "$outside"

say "the updater's image: a user of its own without any right; it loops, and ends when it is told to"
deploy/container/build --updater --no-install --context "$work/second" --tag localhost/cordon-update:first >"$work/updater.out" ||
  fail "the build failed: $(cat "$work/updater.out")"
programs=$(find "$work/second/root" -type f -perm /111 ! -name 'ld-*' -printf '%P\n' | sort | tr '\n' ' ')
[ "$programs" = "usr/bin/cordon usr/bin/cordon-update " ] || fail "programs: $programs"
say "$(sed -n 's/^files *//p' "$work/updater.out")"
make_keys root-a root-b list-a list-b
pub() { printf '%s/keys/%s.pub' "$work" "$1"; }
"$cordon" root make --publisher test --title "Lists of a test" --created 2026-01-01 --expires 2099-01-01 \
  --root-keys "$(pub root-a),$(pub root-b)" --list-keys "$(pub list-a),$(pub list-b)" "$work/lists" >/dev/null
for key in root-a root-b; do "$cordon" root sign --key "$work/keys/$key.key" "$work/lists/1.root" >/dev/null; done
mkdir "$work/pin" "$work/mirror"
cp "$work"/lists/1.root* "$work/pin/"
publish() { # SERIAL: in the folder that the container fetches from
  new_list one "$1" <<<"block suffix n$1.test"
  "$cordon" catalogue make --publisher test --serial "$1" --expires 2099-01-01 "$work/lists" >/dev/null
  rm -f "$work/lists"/catalogue.*.minisig
  for key in list-a list-b; do "$cordon" catalogue sign --key "$work/keys/$key.key" "$work/lists/catalogue" >/dev/null; done
  cp "$work"/lists/one.list* "$work"/lists/1.root* "$work"/lists/catalogue* "$work/mirror/"
}
publish 1
cat >"$work/updater.yaml" <<'YAML'
lists: {directory: /var/lib/cordon-update/test/current, use: {one: enforce}}
trust: {root: /srv/pin/1.root}
update: {sources: [/srv/mirror], every: 60s}
YAML
chmod -R go+rX "$work/pin" "$work/mirror" "$work/updater.yaml"
updater="updater-$$"
volumes=(-v "$work/updater.yaml:/etc/cordon/own/cordon.yaml:ro" -v "$work/pin:/srv/pin:ro")
"${engine[@]}" run -d --name "$updater" --network none --read-only --cap-drop all --security-opt no-new-privileges "${limits[@]}" \
  "${volumes[@]}" -v "$work/mirror:/srv/mirror:ro" -v "lists-$$:/var/lib/cordon-update" localhost/cordon-update:first \
  --every -c /etc/cordon/own/cordon.yaml >/dev/null 2>"$work/container-updater.log" || fail "$(cat "$work/container-updater.log")"
updater_said() { "${engine[@]}" logs "$updater" 2>&1 | says -- "$1"; }
wait_until 60 updater_said 'catalogue 1 is in force' || fail "no first run: $("${engine[@]}" logs "$updater" 2>&1)"
pid=$("${engine[@]}" inspect --format '{{.State.Pid}}' "$updater")
grep -qE '^Uid:[[:space:]]+65533[[:space:]]+65533[[:space:]]' "/proc/$pid/status" || fail "not its own user"
grep -qE '^CapPrm:[[:space:]]+0+$' "/proc/$pid/status" || fail "it has capabilities"
publish 2
wait_until 150 updater_said 'catalogue 2 is in force, was 1' || fail "it does not loop: $("${engine[@]}" logs "$updater" 2>&1)"
# The resolver's container has the volume read-only.
"${engine[@]}" run --rm --network none --read-only --cap-drop all "${limits[@]}" "${volumes[@]}" -v "lists-$$:/var/lib/cordon-update:ro" \
  --entrypoint /usr/bin/cordon localhost/cordon:first check /etc/cordon/own/cordon.yaml >"$work/checked" 2>&1 || fail "$(cat "$work/checked")"
stopping=$SECONDS
"${engine[@]}" stop -t 30 "$updater" >/dev/null 2>&1
[ $((SECONDS - stopping)) -lt 20 ] || fail "it did not end when it was told to"
[ "$("${engine[@]}" inspect --format '{{.State.ExitCode}}' "$updater")" = 0 ] || fail "status $("${engine[@]}" inspect --format '{{.State.ExitCode}}' "$updater")"
"${engine[@]}" rm "$updater" >/dev/null
"${engine[@]}" volume rm "lists-$$" >/dev/null
