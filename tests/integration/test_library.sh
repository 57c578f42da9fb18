#!/usr/bin/env bash
# libcordon as a stranger finds it: installed, compiled against in C and C++, shared and static, by
# pkg-config and by CMake; its symbols are those that the headers name and the map lists.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

prefix="$work/usr"
lists="$CORDON_ROOT/blocklists"
keys=("$lists"/keys/list-?.pub)
sanitize=$(sed -n 's/^CORDON_SANITIZE:STRING=//p' "$CORDON_BUILD/CMakeCache.txt")
flags=(-Wall -Wextra -Wpedantic -Werror)
[ -z "$sanitize" ] || flags+=("-fsanitize=$sanitize")

say "it is installed"
DESTDIR="$work/root" cmake --install "$CORDON_BUILD" --prefix "$prefix" >"$work/install" 2>&1 || fail "$(cat "$work/install")"
mkdir -p "$(dirname "$prefix")" && mv "$work/root$prefix" "$prefix"
libdir=$(dirname "$(find "$prefix" -name libcordon.so)")
# The file says where it was to be installed; here it is somewhere else.
sed -i "s|^includedir=.*|includedir=$prefix/include|; s|^libdir=.*|libdir=$libdir|" "$libdir/pkgconfig/cordon.pc"
export PKG_CONFIG_PATH="$libdir/pkgconfig" LD_LIBRARY_PATH="$libdir"
[ "$(pkg-config --modversion cordon)" = "$(sed -n 's/^project(cordon VERSION \([0-9.]*\) .*/\1/p' "$CORDON_ROOT/CMakeLists.txt")" ] ||
  fail "cordon.pc has another version"

say "each header stands alone, in C and C++"
for header in "$prefix"/include/cordon/*.h; do
  name=cordon/$(basename "$header")
  echo "#include <$name>" >"$work/one.c"
  cc -std=c11 "${flags[@]}" -I"$prefix/include" -fsyntax-only "$work/one.c" || fail "$name in C"
  c++ -std=c++11 "${flags[@]}" -I"$prefix/include" -x c++ -fsyntax-only "$work/one.c" || fail "$name in C++"
done

say "the example, shared"
read -ra shared <<<"$(pkg-config --cflags --libs cordon)"
cc "${flags[@]}" "$CORDON_ROOT/docs/examples/decide.c" -o "$work/decide" "${shared[@]}"
decides() { # PROGRAM
  local code=0
  "$1" "$lists" "${keys[@]}" -- huawei-cloud alibaba-cloud -- obs.myhuaweicloud.com example.com a..b >"$work/decided" || code=$?
  [ "$code" = 1 ] || fail "exit status $code: $(cat "$work/decided")"
  grep -q '^obs.myhuaweicloud.com: sinkhole by "block suffix myhuaweicloud.com" of huawei-cloud, serial [0-9]*; designated: ' \
    "$work/decided" || fail "$(cat "$work/decided")"
  grep -q '^    block suffix myhuaweicloud.com of huawei-cloud wins: the longest match' "$work/decided" || fail "$(cat "$work/decided")"
  grep -q '^    Huawei .* is designated by ' "$work/decided" || fail "$(cat "$work/decided")"
  grep -qx 'example.com: no rule' "$work/decided" || fail "$(cat "$work/decided")"
  grep -qx 'a..b is no name' "$work/decided" || fail "$(cat "$work/decided")"
  "$1" "$lists" "$lists/1.root" -- huawei-cloud -- example.com >"$work/decided" || fail "by the root: $(cat "$work/decided")"
  grep -q '^by root [0-9]* of [a-z-]*, catalogue [0-9]*$' "$work/decided" || fail "$(cat "$work/decided")"
  grep -qE '^huawei-cloud is (fresh|stale)$' "$work/decided" || fail "$(cat "$work/decided")"
  code=0
  "$1" "$lists" "${keys[0]}" -- huawei-cloud -- example.com >"$work/decided" 2>&1 || code=$?
  [ "$code" = 2 ] || fail "with one key: exit status $code"
  grep -q 'error: ' "$work/decided" || fail "no reason: $(cat "$work/decided")"
}
decides "$work/decide"
readelf -d "$work/decide" | says 'NEEDED.*libcordon.so.0.1' || fail "not linked to the soname"

say "the example, static"
read -ra cflags <<<"$(pkg-config --cflags cordon)"
cc "${flags[@]}" "${cflags[@]}" "$CORDON_ROOT/docs/examples/decide.c" -o "$work/decide-static" "$libdir/libcordon.a" -lsodium -pthread
decides "$work/decide-static"
if readelf -d "$work/decide-static" | says libcordon; then fail "the static one needs the shared library"; fi

say "the example, by CMake"
mkdir "$work/project"
cp "$CORDON_ROOT/docs/examples/decide.c" "$work/project/"
cat >"$work/project/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(stranger LANGUAGES C)
find_package(cordon 0.1 REQUIRED)
add_executable(with-shared decide.c)
target_link_libraries(with-shared PRIVATE cordon::cordon)
add_executable(with-static decide.c)
target_link_libraries(with-static PRIVATE cordon::static)
CMAKE
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS="${flags[*]}" \
  >"$work/cmake" 2>&1 || fail "$(cat "$work/cmake")"
cmake --build "$work/project/build" >"$work/cmake" 2>&1 || fail "$(cat "$work/cmake")"
decides "$work/project/build/with-shared"
decides "$work/project/build/with-static"

say "its symbols: headers, map and both libraries agree"
grep -ohE 'CORDON_API [^;]*' "$prefix"/include/cordon/*.h | grep -oE 'cordon_[a-z_]+\(' | tr -d '(' | sort >"$work/headers"
sed -n 's/^ *\(cordon_[a-z_]*\);$/\1/p' "$CORDON_ROOT/deploy/libcordon.map" | sort >"$work/map"
nm -D --defined-only "$libdir/libcordon.so" | sed -n 's/.* [TDRB] \(.*\)@@CORDON_0.1$/\1/p' | sort >"$work/shared"
nm -g --defined-only "$libdir/libcordon.a" | sed -n 's/.* [TDRB] //p' | sort >"$work/static"
[ "$(wc -l <"$work/headers")" -gt 10 ] || fail "no symbols in the headers"
for list in map shared static; do
  diff "$work/headers" "$work/$list" >"$work/diff" || fail "the headers and $list differ: $(cat "$work/diff")"
done
nm -D --defined-only "$libdir/libcordon.so" | grep -v -e '@@CORDON_0.1$' -e ' A CORDON_0.1$' >"$work/others" || true
[ ! -s "$work/others" ] || fail "the library shows more: $(cat "$work/others")"
