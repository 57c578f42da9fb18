#!/bin/bash
# Changes of resolv.conf are followed: by a rename, in place, by a link that is turned; a file
# that names no server changes nothing; and nothing else is reloaded with it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

if [ "$(id -u)" -ne 0 ] && [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 53 ]; then
  say "skipped: resolv.conf knows port 53 alone, which is root's"
  exit 0
fi
make_keys list-a list-b list-c
new_list first 1 <<<'block suffix blocked.test'
net=127.53.$((RANDOM % 250 + 1))
for at in 1 2; do
  start "server-$at" python3 "$here/fake_upstream.py" --address "$net.$at" --port 53 --log "$work/asked-$at"
  wait_until 60 grep -qs ready "$work/server-$at.out" || fail "no server on $net.$at port 53"
done
option[lists.use]="{first: enforce}"
option[upstreams.servers]="[system]"
option[upstreams.resolv-conf]="$work/etc/resolv.conf"
option[upstreams.letter-case]=plain
mkdir "$work/etc"
echo "nameserver $net.1" >"$work/etc/resolv.conf"
write_config
start_cordond
number=0
# asks AT: does a question that nobody has asked go to that server now, and to no other?
asks() {
  number=$((number + 1))
  ask "n$number.example.test" A
  grep -q "n$number\.example\.test" "$work/asked-$1" && ! grep -q "n$number\.example\.test" "$work/asked-$((3 - $1))"
}
asks 1 || fail "the first server is not asked"
generation=$(status 's["generation"]')

say "a file renamed over it, as resolvconf and NetworkManager do"
echo "nameserver $net.2" >"$work/etc/new"
mv "$work/etc/new" "$work/etc/resolv.conf"
wait_until 60 asks 2 || fail "the second server is not asked: $(status 's["resolv_conf"]')"
wait_until 60 grep -q "resolv.conf has changed: upstreams are now $net.2@53" "$work/cordond.log" || fail "the log"
[ "$(status 's["resolv_conf"]["followed"]')" = "$work/etc/resolv.conf" ] || fail "status"
[ "$(status 's["reload"]')" = None ] || fail "more was reloaded than the servers"
wait_until 60 status_is "s['generation'] > $generation" || fail "it is not a generation of its own"
ask blocked.test A
expect 'answer blocked\.test\. .* A 0\.0\.0\.0'

say "written in place"
printf '# by hand\nnameserver %s\n' "$net.1" >"$work/etc/resolv.conf"
wait_until 60 asks 1 || fail "not noticed"

say "empty, broken, this resolver itself or gone: the servers of before stay, and that is said"
broken() { # WORDS of the message
  wait_until 60 status_is 's["resolv_conf"]["refused"]' || fail "not refused"
  wait_until 60 grep -q "names no server that can be asked: those of before stay$1" "$work/cordond.log" ||
    fail "the log does not say why: $(tail -n 3 "$work/cordond.log")"
  asks 1 || fail "the server of before is not asked"
}
taken() { echo "nameserver $net.1 # $RANDOM" >"$work/etc/resolv.conf"; wait_until 60 status_is 'not s["resolv_conf"]["refused"]' || fail "not taken"; }
: >"$work/etc/resolv.conf"
broken '$'
taken
echo "nameserver resolver.example" >"$work/etc/resolv.conf"
broken '; .*nameserver resolver.example: not an address'
taken
rm "$work/etc/resolv.conf"
broken '; .*cannot be read'
asks 1 || fail "the server of before is not asked"

say "back as a link, and the link turned"
mkdir "$work/etc/run"
echo "nameserver $net.2" >"$work/etc/run/one"
ln -s run/one "$work/etc/resolv.conf"
wait_until 60 asks 2 || fail "back as a link: not noticed"
echo "nameserver $net.1" >"$work/etc/run/two"
ln -s run/two "$work/etc/link"
mv -T "$work/etc/link" "$work/etc/resolv.conf"
wait_until 60 asks 1 || fail "the link turned: not noticed"

say "a pause, a reload and a change together: the last word is that of the file"
echo "nameserver $net.2" >"$work/etc/run/two"
"$cordon" pause first --for 10m --reason test --socket "$work/control.sock" >/dev/null || fail "pause"
reload || fail "reload: $(cat "$work/reload")"
wait_until 60 asks 2 || fail "the servers of before came back"
echo "nameserver $net.1" >"$work/etc/run/two"
wait_until 60 asks 1 || fail "not noticed after a reload"
ask blocked.test A
expect_not 'answer blocked\.test\. .* A 0\.0\.0\.0'
"$cordon" exception add other.blocked.test --until "$(date -u -d "+1 hour" +%Y-%m-%dT%H:%M:%SZ)" --ticket T-1 --reason test \
  --socket "$work/control.sock" >/dev/null || fail "exception"
asks 1 || fail "an exception brought the servers of before back"

say "off: nothing is followed until a reload"
option[upstreams.follow]=off
write_config
reload || fail "reload: $(cat "$work/reload")"
wait_until 60 status_is 's["resolv_conf"]["followed"] is None' || fail "status"
echo "nameserver $net.2" >"$work/etc/run/two"
sleep 3
asks 1 || fail "it was followed"
reload || fail "reload: $(cat "$work/reload")"
wait_until 60 asks 2 || fail "a reload does not read it"
stop_cordond
