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
  --cgroup-manager=cgroupfs --runtime runc)

say "two builds from nothing give the same digest"
deploy/container/build --no-install --context "$work/first" --tag localhost/cordon:first \
  --output "$work/cordon.tar" >"$work/first.out" || fail "the build failed: $(cat "$work/first.out")"
deploy/container/build --no-install --context "$work/second" --tag localhost/cordon:second >"$work/second.out" ||
  fail "the build failed: $(cat "$work/second.out")"
first=$(sed -n 's/^digest *//p' "$work/first.out")
second=$(sed -n 's/^digest *//p' "$work/second.out")
[[ $first == sha256:* ]] || fail "no digest: $(cat "$work/first.out")"
[ "$first" = "$second" ] || fail "two builds, two digests: $first $second"
root="$work/first/root"

say "at most 15 MB, two programs, no shell, nothing that changes its user"
octets=$(stat -c %s "$work/cordon.tar")
[ "$octets" -le 15000000 ] || fail "the image has $octets octets"
say "the image has $octets octets, $first"
programs=$(find "$root" -type f -perm /111 ! -name 'ld-*' -printf '%P\n' | sort | tr '\n' ' ')
[ "$programs" = "usr/bin/cordon usr/sbin/cordond " ] || fail "programs: $programs"
[ -z "$(find "$root" -perm /6000)" ] || fail "something changes its user"
if grep -rqF "$work" "$root/usr/sbin" "$root/usr/bin"; then fail "the programs name where they were built"; fi

say "it knows who an upstream over TLS is, by the CA certificates of the machine that built it"
{
  echo 'upstreams: {servers: ["tls://192.0.2.53#dns.example"]}'
  echo 'lists: {directory: /usr/share/cordon/blocklists, use: {huawei-cloud: enforce}}'
} >"$work/second/root/tmp/tls.yaml"
chroot --userspec=65532:65532 "$work/second/root" /usr/bin/cordon check /tmp/tls.yaml >"$work/tls" 2>&1 ||
  fail "an upstream over TLS is refused: $(cat "$work/tls")"
if grep -q 'no CA certificates' "$work/tls"; then fail "$(cat "$work/tls")"; fi

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
if ! command -v podman >/dev/null || ! command -v runc >/dev/null; then
  say "left out: there is no podman or no runc"
  exit 0
fi
if ! "${engine[@]}" run --rm --network host --read-only --cap-drop all --security-opt no-new-privileges \
  --ulimit nofile=1024:4096 --ulimit nproc=512:512 localhost/cordon:first --version >"$work/version" 2>&1; then
  say "left out: podman does not run here: $(tail -n 1 "$work/version")"
  exit 0
fi
start container-podman "${engine[@]}" run --rm --name cordon-test-$$ --network host --read-only --cap-drop all \
  --security-opt no-new-privileges --ulimit nofile=1024:4096 --ulimit nproc=512:512 \
  -v cordon-test-$$:/var/lib/cordon localhost/cordon:first
check_answers 5300
"${engine[@]}" exec cordon-test-$$ /usr/bin/cordon status --json >/dev/null || fail "the health check fails"
"${engine[@]}" exec cordon-test-$$ /usr/bin/cordon query @127.0.0.1@5300 myhuaweicloud.com >"$work/query" ||
  fail "cordon query: $(cat "$work/query")"
"${engine[@]}" stop -t 10 cordon-test-$$ >/dev/null
"${engine[@]}" volume rm cordon-test-$$ >/dev/null
