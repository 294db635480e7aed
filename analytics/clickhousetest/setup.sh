#!/usr/bin/env bash
# Fetches the ClickHouse engine library that the storage tests run against, once,
# into a cache outside the tree: npm's @chdb/lib-linux-x64-gnu, pinned by checksum.
# LYCHGATE_LIBCHDB=/path/to/libchdb.so uses a library that is there already.
set -euo pipefail

version=26.5.3
sum=b874e449710950da3abd7e20376f7bb3387d9e03adcc7082f022be18dfdf316a
cache="${XDG_CACHE_HOME:-$HOME/.cache}/lychgate/chdb-$version"

if [ -n "${LYCHGATE_LIBCHDB:-}" ] || [ -f "$cache/libchdb.so" ]; then
	exit 0
fi
if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
	echo "the ClickHouse engine library is for Linux on x86-64; set LYCHGATE_TEST_CLICKHOUSE to test against a server" >&2
	exit 1
fi
echo "== fetching the ClickHouse engine (167 MB, once) into $cache"
mkdir -p "$cache"
work="$(mktemp -d "$cache/fetch.XXXXXX")"
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "@chdb/lib-linux-x64-gnu@$version" >/dev/null)
archive="$(ls "$work"/*.tgz)"
echo "$sum  $archive" | sha256sum --check --quiet
tar -xzf "$archive" -C "$work" package/libchdb.so
mv "$work/package/libchdb.so" "$cache/libchdb.so"
